// Agents of many nodes over one journal: whoever sees what first, all of them come to know the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "capture/journal_book.h"
#include "capture/memory_schema_journal.h"
#include "capture/schema_fold.h"
#include "capture/schema_registry.h"
#include "cassandra/schema/schema_files_test_util.h"

namespace braid {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kT = 1'700'000'000'000'000;
constexpr int64_t kSecond = 1'000'000;

TableId IdMadeAt(int64_t us) {
  const uint64_t ticks = static_cast<uint64_t>(us) * 10 + 0x01B21DD213814000;
  RowBytes bytes;
  bytes.I32(static_cast<int32_t>(ticks)).U16(static_cast<uint16_t>(ticks >> 32));
  bytes.U16(static_cast<uint16_t>(0x1000 | ticks >> 48)).I64(1);
  return TableId::FromBytes(bytes.bytes());
}

std::vector<std::string> Columns(const TableSchema* table) {
  std::vector<std::string> names;
  for (const Column& column : table->columns) names.push_back(column.name + (column.dropped ? "-" : ""));
  return names;
}

fs::path Home() {
  const fs::path home = fs::path(testing::TempDir()) / ("braid_agents_" + std::to_string(::getpid()));
  fs::remove_all(home);
  return home;
}

// A node's files and the agent beside them.
class Agent {
 public:
  Agent(const fs::path& home, uint8_t number, uint32_t of_nodes, std::vector<SchemaRecord>* journal)
      : files(home / std::string(1, static_cast<char>('a' + number))), journal_(journal) {
    node_.host.fill(number);
    node_.of_nodes = of_nodes;
  }

  Status Start() {
    registry_.reset();
    auto journal =
        std::make_unique<MemorySchemaJournal>(journal_, [this] { return before_append ? before_append() : Status(); });
    auto opened = SchemaRegistry::Open(PosixFileSystem(), std::move(journal),
                                       {.data_directories = {files.path()}, .node = node_});
    if (!opened.has_value()) return opened.error();
    registry_ = *std::move(opened);
    return {};
  }
  void Refresh(int times = 1) {
    for (int i = 0; i < times; ++i) {
      const auto events = registry_->Refresh();
      ASSERT_TRUE(events.has_value()) << events.error().message;
    }
  }
  // Unless it is doing so already, or the journal is away.
  void RefreshIfFree() {
    if (busy_ || registry_ == nullptr) return;
    busy_ = true;
    const auto events = registry_->Refresh();
    if (!events.has_value()) {
      EXPECT_EQ(events.error().code, ErrorCode::kTransient);
    }
    busy_ = false;
  }
  void StartIfFree() {
    if (busy_) return;
    busy_ = true;
    const Status started = Start();
    if (!started.has_value()) {
      EXPECT_EQ(started.error().code, ErrorCode::kTransient);
    }
    busy_ = false;
  }
  bool runs() const { return registry_ != nullptr; }
  SchemaRegistry& registry() { return *registry_; }

  SchemaFiles files;
  std::function<Status()> before_append;

 private:
  std::vector<SchemaRecord>* journal_;
  SchemaWitness node_;
  std::unique_ptr<SchemaRegistry> registry_;
  bool busy_ = false;
};

class AgentsTest : public testing::Test {
 protected:
  AgentsTest() : home_(Home()) {
    for (uint8_t i = 0; i < 3; ++i) agents_.push_back(std::make_unique<Agent>(home_, i, 3, &journal_));
    for (const auto& agent : agents_) {
      agent->files.CreateKeyspace("k", kT);
      Create(agent->files, "t", kT);
    }
  }
  ~AgentsTest() override { fs::remove_all(home_); }

  static void Create(SchemaFiles& node, const std::string& table, int64_t at) {
    node.WriteTable("k", table, IdMadeAt(at), true, at);
    node.WriteColumn("k", table, "p", "partition_key", "int", at, 0);
    node.WriteColumn("k", table, "m", "regular", "text", at);
  }
  static void Add(SchemaFiles& node, const std::string& column, int64_t at) {
    node.WriteTable("k", "t", IdMadeAt(kT), true, at);
    node.WriteColumn("k", "t", column, "regular", "text", at);
  }
  static void Drop(SchemaFiles& node, const std::string& column, int64_t at) {
    node.WriteTable("k", "t", IdMadeAt(kT), true, at);
    node.DeleteColumn("k", "t", column, at);
    node.WriteDropped("k", "t", column, "text", at);
  }

  void StartAll() {
    for (const auto& agent : agents_) ASSERT_TRUE(agent->Start().has_value());
    for (const auto& agent : agents_) agent->Refresh();
  }
  Agent& agent(size_t i) { return *agents_[i]; }
  const TableSchema* Table(size_t of, int64_t made_at = kT) {
    return agent(of).registry().FindTable(IdMadeAt(made_at));
  }
  size_t Definitions() const {
    return static_cast<size_t>(std::ranges::count(journal_, SchemaRecord::Kind::kDefinition, &SchemaRecord::kind));
  }

  fs::path home_;
  std::vector<SchemaRecord> journal_;
  std::vector<std::unique_ptr<Agent>> agents_;
};

TEST_F(AgentsTest, WhatOneHasWrittenNobodyWritesAgain) {
  StartAll();
  EXPECT_EQ(Definitions(), 1u);
  Add(agent(0).files, "x", kT + kSecond);
  agent(0).Refresh();
  EXPECT_EQ(Definitions(), 2u);
  // The others know it before their own nodes do.
  EXPECT_EQ(Table(1), Table(1));
  agent(1).Refresh();
  EXPECT_THAT(Columns(Table(1)), ElementsAre("p", "m", "x"));
  Add(agent(1).files, "x", kT + kSecond);
  agent(1).Refresh();
  EXPECT_EQ(Definitions(), 2u);
}

// Two see the same ALTER, and plan it, at once.
TEST_F(AgentsTest, TheSameChangeAtOnce) {
  StartAll();
  Add(agent(0).files, "x", kT + kSecond);
  Add(agent(1).files, "x", kT + kSecond);
  bool between = false;
  agent(0).before_append = [&]() -> Status {
    if (!std::exchange(between, true)) agent(1).Refresh();
    return {};
  };
  agent(0).Refresh();
  agent(1).Refresh();
  EXPECT_TRUE(between);
  EXPECT_EQ(Definitions(), 3u);  // of which one does not count
  EXPECT_THAT(Columns(Table(0)), ElementsAre("p", "m", "x"));
  EXPECT_EQ(Table(0)->id, Table(1)->id);
}

// Two different ALTERs, each of which one node has heard of: without comparison both would give the next id away.
TEST_F(AgentsTest, DifferentChangesAtOnce) {
  StartAll();
  Add(agent(0).files, "x", kT + kSecond);
  Add(agent(1).files, "y", kT + 2 * kSecond);
  bool between = false;
  agent(0).before_append = [&]() -> Status {
    if (!std::exchange(between, true)) agent(1).Refresh();
    return {};
  };
  agent(0).Refresh();
  for (size_t i = 0; i < 3; ++i) {
    agent(i).Refresh();
    EXPECT_THAT(Columns(Table(i)), ElementsAre("p", "m", "y", "x"));
  }
  // The halves reach the other nodes, and change nothing.
  const size_t before = Definitions();
  Add(agent(0).files, "y", kT + 2 * kSecond);
  Add(agent(1).files, "x", kT + kSecond);
  for (size_t i = 0; i < 3; ++i) agent(i).Refresh(8);
  EXPECT_EQ(Definitions(), before);
}

// A node that was down, or an agent that begins on one, takes nothing back.
TEST_F(AgentsTest, AnOldNodeTakesNothingBack) {
  StartAll();
  for (size_t i = 0; i < 2; ++i) {
    Drop(agent(i).files, "m", kT + kSecond);
    Add(agent(i).files, "x", kT + 2 * kSecond);
    Create(agent(i).files, "u", kT + 3 * kSecond);
    agent(i).files.WriteTable("k", "t", IdMadeAt(kT), false, kT + 4 * kSecond);
    agent(i).Refresh();
  }
  const size_t before = journal_.size();
  ASSERT_TRUE(agent(2).Start().has_value());
  agent(2).Refresh(200);
  EXPECT_EQ(journal_.size(), before);
  EXPECT_THAT(Columns(Table(2)), ElementsAre("p", "m-", "x"));
  EXPECT_FALSE(Table(2)->cdc);
  EXPECT_THAT(agent(2).registry().CapturedTables(), ElementsAre(Table(2, kT + 3 * kSecond)));
  // Also what changes there at the same time only adds.
  Add(agent(2).files, "y", kT + 5 * kSecond);
  agent(2).Refresh();
  EXPECT_THAT(Columns(Table(2)), ElementsAre("p", "m-", "x", "y"));
}

TEST_F(AgentsTest, ATableThatIsDroppedStaysDropped) {
  StartAll();
  agent(0).files.DeleteTable("k", "t", kT + kSecond);
  agent(0).Refresh();
  agent(1).Refresh();
  EXPECT_THAT(agent(1).registry().CapturedTables(), IsEmpty());
  // Agents of nodes that have not heard of it.
  ASSERT_TRUE(agent(1).Start().has_value());
  agent(1).files.WriteColumn("k", "t", "late", "regular", "text", kT + 100);
  agent(1).Refresh(200);
  EXPECT_THAT(agent(1).registry().CapturedTables(), IsEmpty());
  EXPECT_THAT(agent(1).registry().CapturedTables(), IsEmpty());
  // Made anew it is another.
  agent(0).files.DeleteColumn("k", "t", "m", kT + kSecond);
  Create(agent(0).files, "t", kT + 9 * kSecond);
  agent(0).Refresh();
  agent(1).Refresh();
  EXPECT_THAT(agent(1).registry().CapturedTables(), ElementsAre(Table(1, kT + 9 * kSecond)));
}

// While no agent ran: an agent's node has tombstones, or a table of the same name.
TEST_F(AgentsTest, WhatWasDroppedUnseenIsFound) {
  StartAll();
  Create(agent(0).files, "u", kT + kSecond);
  agent(0).Refresh();
  agent(0).files.DeleteTable("k", "u", kT + 2 * kSecond);
  ASSERT_TRUE(agent(0).Start().has_value());
  EXPECT_EQ(agent(0).registry().CapturedTables().size(), 1u);
  Create(agent(1).files, "t", kT + 4 * kSecond);
  agent(1).Refresh();
  EXPECT_THAT(agent(1).registry().CapturedTables(), ElementsAre(Table(1, kT + 4 * kSecond)));
}

// A node that has not heard of a DROP TABLE takes the old table's columns for the new one's, for a while.
TEST_F(AgentsTest, AColumnThatNeverWasGoesAgain) {
  StartAll();
  agent(0).files.WriteTable("k", "t", IdMadeAt(kT + kSecond), true, kT + kSecond);
  agent(0).files.WriteColumn("k", "t", "p", "partition_key", "int", kT + kSecond, 0);
  agent(0).Refresh();
  EXPECT_THAT(Columns(Table(0, kT + kSecond)), ElementsAre("p", "m"));
  agent(0).files.DeleteColumn("k", "t", "m", kT + 100);
  agent(0).Refresh(50);
  EXPECT_THAT(Columns(Table(0, kT + kSecond)), ElementsAre("p", "m"));  // may be half of a DROP of the column
  agent(0).Refresh(100);
  EXPECT_THAT(Columns(Table(0, kT + kSecond)), ElementsAre("p", "m-"));
}

TEST_F(AgentsTest, HalfAChangeIsNone) {
  StartAll();
  agent(0).files.WriteTable("k", "t", IdMadeAt(kT), true, kT + kSecond);
  agent(0).files.DeleteColumn("k", "t", "m", kT + kSecond);
  agent(0).Refresh(20);
  EXPECT_THAT(Columns(Table(0)), ElementsAre("p", "m"));
  agent(0).files.WriteDropped("k", "t", "m", "text", kT + kSecond);
  agent(0).Refresh();
  EXPECT_THAT(Columns(Table(0)), ElementsAre("p", "m-"));
  EXPECT_EQ(Table(0)->columns[1].dropped_at.us, kT + kSecond);
}

TEST_F(AgentsTest, HistoryTakesTheWordOfAllNodes) {
  StartAll();
  const TableId id = IdMadeAt(kT);
  EXPECT_EQ(agent(0).registry().MarkHistoryLogged(IdMadeAt(7)).error().code, ErrorCode::kNotFound);
  for (int again = 0; again < 2; ++again) {
    ASSERT_TRUE(agent(0).registry().MarkHistoryLogged(id).has_value());
    ASSERT_TRUE(agent(1).registry().MarkHistoryLogged(id).has_value());
  }
  EXPECT_FALSE(agent(1).registry().HistoryKnown(id));
  ASSERT_TRUE(agent(2).registry().MarkHistoryLogged(id).has_value());
  for (size_t i = 0; i < 3; ++i) {
    agent(i).Refresh();
    EXPECT_TRUE(agent(i).registry().HistoryKnown(id));
  }
  // What was written while it was not captured is in no log; only a backfill makes it good.
  for (const bool cdc : {false, true}) {
    agent(0).files.WriteTable("k", "t", id, cdc, kT + kSecond + cdc);
    agent(0).Refresh();
  }
  EXPECT_FALSE(agent(0).registry().HistoryKnown(id));
  agent(1).Refresh();
  ASSERT_TRUE(agent(1).registry().MarkHistoryLogged(id).has_value());
  EXPECT_FALSE(agent(1).registry().HistoryKnown(id));
  const auto book = JournalBook::Open(std::make_unique<MemorySchemaJournal>(&journal_));
  ASSERT_TRUE((*book)->MarkHistoryKnown(id).has_value());
  EXPECT_TRUE((*book)->HistoryKnown(id));
  agent(1).Refresh();
  EXPECT_TRUE(agent(1).registry().HistoryKnown(id));
}

TEST_F(AgentsTest, TablesThatComeAreKnownOnceAllAgentsHaveLooked) {
  ASSERT_TRUE(agent(0).Start().has_value());
  ASSERT_TRUE(agent(1).Start().has_value());
  constexpr int64_t kHour = 3600 * kSecond;
  // Node 2 may have had it for long.
  Create(agent(1).files, "early", kT + kHour);
  agent(1).Refresh();
  EXPECT_FALSE(agent(1).registry().HistoryKnown(IdMadeAt(kT + kHour)));
  ASSERT_TRUE(agent(2).Start().has_value());
  Create(agent(1).files, "late", kT + 2 * kHour);
  agent(1).Refresh();
  EXPECT_TRUE(agent(1).registry().HistoryKnown(IdMadeAt(kT + 2 * kHour)));
  EXPECT_FALSE(agent(1).registry().HistoryKnown(IdMadeAt(kT + kHour)));
}

// A worker marks a history without knowing that the table's keyspace does not log.
TEST_F(AgentsTest, WhoKnowsBetterTakesAHistoryBack) {
  StartAll();
  agent(2).files.CreateKeyspace("k", kT + kSecond, false);
  agent(2).Refresh();
  const auto book = JournalBook::Open(std::make_unique<MemorySchemaJournal>(&journal_));
  ASSERT_TRUE((*book)->MarkHistoryKnown(IdMadeAt(kT)).has_value());
  ASSERT_TRUE((*book)->HistoryKnown(IdMadeAt(kT)));
  agent(2).Refresh();
  ASSERT_TRUE((*book)->ReadArrived().has_value());
  EXPECT_FALSE((*book)->HistoryKnown(IdMadeAt(kT)));
}

TEST_F(AgentsTest, WhatCannotBeAppendedIsNotGiven) {
  StartAll();
  Add(agent(0).files, "x", kT + kSecond);
  agent(0).before_append = [] { return Status(Error{ErrorCode::kTransient, "away"}); };
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(agent(0).registry().Refresh().error().code, ErrorCode::kTransient);
    EXPECT_THAT(Columns(Table(0)), ElementsAre("p", "m"));
  }
  agent(0).before_append = {};
  agent(0).Refresh();
  EXPECT_THAT(Columns(Table(0)), ElementsAre("p", "m", "x"));
}

// What a cluster does to its schema, a statement a second, and what comes of it.
class History {
 public:
  struct Statement {
    std::vector<std::function<void(SchemaFiles&)>> writes;  // one after the other
    bool ends_a_table = false;
  };
  struct State {
    bool dropped = false;
    int64_t dropped_at = 0;  // 0: never
    auto operator<=>(const State&) const = default;
  };

  explicit History(std::mt19937* random) : random_(*random) {}

  Statement Next() {
    at_ += kSecond;
    if (columns.empty()) return Make();
    const uint32_t what = random_() % 16;
    if (what == 0) return Remove();
    if (what == 1) {
      cdc = !cdc;
      return Alter();
    }
    if (what == 2) return Grow();
    return AddOrDrop(std::string(1, static_cast<char>('a' + random_() % 5)));
  }

  // Of the newest table, if it exists.
  TableId id;
  bool cdc = true;
  size_t type_fields = 1;
  std::map<std::string, State> columns;
  // Every time of dropping that a column has had, with 0 from the time before.
  std::set<std::tuple<TableId, std::string, int64_t>> drops;

 private:
  Statement Make() {
    id = IdMadeAt(at_);
    cdc = true;
    Set("z", {});
    Statement made = Alter();
    made.writes.push_back(
        [at = at_](SchemaFiles& node) { node.WriteColumn("k", "t", "p", "partition_key", "int", at, 0); });
    made.writes.push_back(
        [at = at_](SchemaFiles& node) { node.WriteColumn("k", "t", "z", "regular", "frozen<u>", at); });
    return made;
  }
  Statement Remove() {
    Statement removed{.ends_a_table = true};
    removed.writes.push_back([at = at_](SchemaFiles& node) { node.DeleteTable("k", "t", at); });
    for (const auto& [name, unused] : columns) {
      removed.writes.push_back([name = name, at = at_](SchemaFiles& node) {
        node.DeleteColumn("k", "t", name, at);
        node.Delete("dropped_columns", {"k", "t", name}, at);
      });
    }
    columns.clear();
    return removed;
  }
  Statement Alter() {
    Statement altered;
    altered.writes.push_back(
        [id = id, cdc = cdc, at = at_](SchemaFiles& node) { node.WriteTable("k", "t", id, cdc, at); });
    return altered;
  }
  Statement Grow() {
    std::vector<std::string> names;
    for (size_t i = 0; i <= type_fields; ++i) names.push_back("f" + std::to_string(i));
    ++type_fields;
    Statement grown;
    grown.writes.push_back([names, at = at_](SchemaFiles& node) {
      node.WriteType("k", "u", names, std::vector<std::string>(names.size(), "int"), at);
    });
    return grown;
  }
  Statement AddOrDrop(const std::string& name) {
    const auto found = columns.find(name);
    const State before = found == columns.end() ? State{.dropped = true} : found->second;
    Statement altered = Alter();
    if (before.dropped) {
      Set(name, {.dropped = false, .dropped_at = before.dropped_at});
      altered.writes.push_back(
          [name, at = at_](SchemaFiles& node) { node.WriteColumn("k", "t", name, "regular", "text", at); });
    } else {
      Set(name, {.dropped = true, .dropped_at = at_});
      altered.writes.push_back([name, at = at_](SchemaFiles& node) { node.DeleteColumn("k", "t", name, at); });
      altered.writes.push_back([name, at = at_](SchemaFiles& node) { node.WriteDropped("k", "t", name, "text", at); });
    }
    return altered;
  }
  void Set(const std::string& column, State state) {
    columns[column] = state;
    drops.insert({id, column, state.dropped_at});
  }

  std::mt19937& random_;
  int64_t at_ = kT;
};

History::State StateOf(const Column& column) {
  return {.dropped = column.dropped, .dropped_at = column.dropped_at.none() ? 0 : column.dropped_at.us};
}

// Nodes hear of statements late and not in order, but for a table that goes: nothing behind that comes before it.
// Agents look, start anew, find the journal away, and write while others are about to.
class Interleaving {
 public:
  explicit Interleaving(uint32_t seed) : random_(seed), home_(Home()), history_(&random_) {
    for (uint8_t i = 0; i < kNodes; ++i) {
      agents_.push_back(std::make_unique<Agent>(home_, i, kNodes, &journal_));
      agents_[i]->files.CreateKeyspace("k", kT);
      agents_[i]->files.WriteType("k", "u", {"f0"}, {"int"}, kT);
      agents_[i]->before_append = [this] { return OthersAct(); };
    }
  }
  ~Interleaving() { fs::remove_all(home_); }

  void Run() {
    for (int i = 0; i < 25; ++i) {
      const History::Statement statement = history_.Next();
      for (auto& pending : pending_) pending.push_back(statement);
      for (int act = 0; act < 6; ++act) Act();
    }
    for (size_t node = 0; node < kNodes; ++node) Deliver(node, pending_[node].size());
    // Each hears of what the last one had to say.
    for (int round = 0; round < 2; ++round) {
      for (const auto& agent : agents_) {
        agent->before_append = {};
        if (!agent->runs()) {
          ASSERT_TRUE(agent->Start().has_value());
        }
        agent->Refresh(8);
      }
    }
    const size_t quiet = journal_.size();
    for (const auto& agent : agents_) agent->Refresh(150);
    EXPECT_EQ(journal_.size(), quiet);
    CheckIds();
    for (const auto& agent : agents_) CheckEnd(agent->registry());
  }

 private:
  static constexpr size_t kNodes = 3;

  void Deliver(size_t node, size_t count) {
    std::deque<History::Statement>& pending = pending_[node];
    for (; count > 0 && !pending.empty(); --count) {
      const auto end = std::ranges::find_if(pending, &History::Statement::ends_a_table);
      const auto before_end = std::max<size_t>(1, static_cast<size_t>(end - pending.begin()));
      const auto at = pending.begin() + static_cast<std::ptrdiff_t>(random_() % std::min<size_t>(before_end, 3));
      const History::Statement statement = *at;
      pending.erase(at);
      for (const auto& write : statement.writes) {
        write(agents_[node]->files);
        if (random_() % 8 == 0) agents_[node]->RefreshIfFree();
      }
    }
  }
  void Act() {
    const size_t node = random_() % kNodes;
    switch (random_() % 8) {
      case 0:
        return agents_[node]->StartIfFree();
      case 1:
      case 2:
      case 3:
        return Deliver(node, 1 + random_() % 3);
      default:
        return agents_[node]->RefreshIfFree();
    }
  }
  // Between what one has planned and what it writes.
  Status OthersAct() {
    if (random_() % 2 == 0) agents_[random_() % kNodes]->RefreshIfFree();
    if (random_() % 10 == 0) return Error{ErrorCode::kTransient, "the journal is away"};
    return {};
  }

  // Of all definitions that ever counted.
  void CheckIds() {
    SchemaFold fold;
    std::map<std::pair<TableId, std::string>, uint16_t> ids;
    std::map<std::pair<TableId, uint16_t>, std::string> names;
    for (const SchemaRecord& record : journal_) {
      fold.Apply({record});
      if (record.kind != SchemaRecord::Kind::kDefinition) continue;
      for (const Column& column : fold.FindTable(record.table)->columns) {
        ASSERT_EQ(ids.emplace(std::pair(record.table, column.name), column.id.value).first->second, column.id.value);
        ASSERT_EQ(names.emplace(std::pair(record.table, column.id.value), column.name).first->second, column.name);
        if (column.name == "p") continue;
        ASSERT_TRUE(history_.drops.contains({record.table, column.name, StateOf(column).dropped_at}))
            << column.name << " " << column.dropped_at.us - kT;
      }
    }
  }
  void CheckEnd(const SchemaRegistry& registry) {
    const bool captured = !history_.columns.empty() && history_.cdc;
    ASSERT_EQ(registry.CapturedTables().size(), captured ? 1u : 0u);
    if (history_.columns.empty()) return;
    const TableSchema* const table = registry.FindTable(history_.id);
    ASSERT_NE(table, nullptr);
    EXPECT_EQ(table->cdc, history_.cdc);
    EXPECT_EQ(table->FindColumn("z")->type->args.size(), history_.type_fields);
    std::map<std::string, History::State> columns;
    for (const Column& column : table->columns) {
      if (column.name != "p") columns.emplace(column.name, StateOf(column));
    }
    EXPECT_EQ(columns, history_.columns);
  }

  std::mt19937 random_;
  fs::path home_;
  std::vector<SchemaRecord> journal_;
  std::vector<std::unique_ptr<Agent>> agents_;
  History history_;
  std::deque<History::Statement> pending_[kNodes];
};

TEST(AgentsLawTest, AllComeToKnowTheSame) {
  for (uint32_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(seed);
    Interleaving(seed).Run();
    if (testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace braid
