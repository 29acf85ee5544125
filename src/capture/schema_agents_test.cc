// Agents of many nodes over one journal: whoever sees what first, all of them come to know the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "capture/journal_book.h"
#include "capture/schema_agents_test_util.h"

namespace braid {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Columns(const TableSchema* table) {
  std::vector<std::string> names;
  for (const Column& column : table->columns) names.push_back(column.name + (column.dropped ? "-" : ""));
  return names;
}

class AgentsTest : public testing::Test {
 protected:
  AgentsTest() : home_(AgentsHome()) {
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

// Of two changes at one time each node has heard of another, so that neither definition is newer.
TEST_F(AgentsTest, TwoHalvesDoNotCorrectOneAnotherForEver) {
  StartAll();
  constexpr int64_t kAt = kT + 5 * kSecond;
  for (size_t i = 0; i < 2; ++i) agent(i).files.WriteColumn("k", "t", "y", "regular", "text", kAt);
  agent(0).files.WriteTable("k", "t", IdMadeAt(kT), false, kT + kSecond);
  agent(0).Refresh();
  agent(1).Refresh();
  const size_t said = Definitions();
  for (int i = 0; i < 5; ++i) {
    for (size_t node = 0; node < 2; ++node) {
      agent(node).files.WriteType("k", "unused", {"f" + std::to_string(i)}, {"int"}, kT + i);
      agent(node).Refresh(3);
    }
  }
  EXPECT_EQ(Definitions(), said);
  // Once both have heard all of it they agree.
  agent(1).files.WriteTable("k", "t", IdMadeAt(kT), false, kT + kSecond);
  agent(1).Refresh();
  agent(0).Refresh();
  for (size_t i = 0; i < 2; ++i) EXPECT_FALSE(Table(i)->cdc);
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
  for (int again = 0; again < 2; ++again) {
    for (size_t i = 0; i < 2; ++i) ASSERT_TRUE(agent(i).registry().MarkIntroduced().has_value());
  }
  EXPECT_EQ(std::ranges::count(journal_, SchemaRecord::Kind::kIntroduced, &SchemaRecord::kind), 2);
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

}  // namespace
}  // namespace braid
