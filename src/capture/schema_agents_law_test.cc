// Any interleaving of changes, of nodes that hear of them late, and of agents: all come to know the same, and ids are
// for ever.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "capture/schema_agents_test_util.h"
#include "capture/schema_fold.h"

namespace braid {
namespace {

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
  explicit Interleaving(uint32_t seed) : random_(seed), home_(AgentsHome()), history_(&random_) {
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
    std::map<std::pair<TableId, std::string>, WriteTime> drops;
    for (const SchemaRecord& record : journal_) {
      fold.Apply({record});
      if (record.kind != SchemaRecord::Kind::kDefinition) continue;
      for (const Column& column : fold.FindTable(record.table)->columns) {
        ASSERT_EQ(ids.emplace(std::pair(record.table, column.name), column.id.value).first->second, column.id.value);
        ASSERT_EQ(names.emplace(std::pair(record.table, column.id.value), column.name).first->second, column.name);
        if (column.name == "p") continue;
        ASSERT_TRUE(history_.drops.contains({record.table, column.name, StateOf(column).dropped_at}))
            << column.name << " " << column.dropped_at.us - kT;
        ASSERT_TRUE(!column.dropped || !column.dropped_at.none()) << "nobody dropped " << column.name;
        WriteTime& dropped_at = drops[{record.table, column.name}];
        ASSERT_GE(column.dropped_at, dropped_at) << column.name << " is back from before it was dropped";
        dropped_at = column.dropped_at;
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
