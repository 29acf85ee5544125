#include "pipeline/run/backfill_tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/memory_file_system.h"

namespace braid {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using State = BackfillTask::State;

TableSchema TableNamed(const char* name, uint8_t number) {
  TableSchema table;
  table.keyspace = "vault";
  table.table = name;
  table.table_id.bytes[0] = number;
  return table;
}

Gap GapWith(uint64_t id, const char* table = "") {
  Gap gap;
  gap.id = id;
  gap.table = table;
  return gap;
}

class BackfillTasksTest : public ::testing::Test {
 protected:
  BackfillTasksTest() { EXPECT_TRUE(files_.MakeDirectory("/s").has_value()); }
  static bool Begun(const BackfillTask&) { return true; }
  void End(size_t index, State state) { tasks_.tasks[index].state = state; }

  MemoryFileSystem files_;
  const TableSchema titles_ = TableNamed("titles", 1);
  const TableSchema people_ = TableNamed("people", 2);
  const std::vector<const TableSchema*> tables_ = {&titles_, &people_};
  BackfillTasks tasks_;
};

TEST_F(BackfillTasksTest, ComeBackAsTheyWereWritten) {
  EXPECT_EQ(ReadBackfills(&files_, "/s").value(), BackfillTasks());
  tasks_.Add({.table = titles_.table_id,
              .name = "vault.titles",
              .tokens = {{-5}, {INT64_MAX}},
              .cause = BackfillTask::Cause::kGap,
              .state = State::kPaused,
              .gaps = {7, UINT64_MAX},
              .asked_us = 1795280000000000});
  tasks_.Add({.table = people_.table_id, .name = "vault.people"});
  ASSERT_TRUE(WriteBackfills(&files_, "/s", tasks_).has_value());
  EXPECT_EQ(ReadBackfills(&files_, "/s").value(), tasks_);
}

TEST_F(BackfillTasksTest, DamageIsToldWithThePath) {
  tasks_.Add({.table = titles_.table_id, .name = "vault.titles"});
  ASSERT_TRUE(WriteBackfills(&files_, "/s", tasks_).has_value());
  const auto source = files_.OpenForRead("/s/backfills").value();
  const std::string whole = ReadAll(*source, 1000).value();
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string bytes = whole;
    bytes[i] ^= 0x20;
    ASSERT_TRUE(files_.ReplaceFile("/s/backfills", bytes).has_value());
    const auto read = ReadBackfills(&files_, "/s");
    ASSERT_FALSE(read.has_value()) << i;
    EXPECT_THAT(read.error().message, HasSubstr("/s/backfills"));
    ASSERT_TRUE(files_.ReplaceFile("/s/backfills", whole.substr(0, i)).has_value());
    EXPECT_FALSE(ReadBackfills(&files_, "/s").has_value()) << i;
  }
}

TEST_F(BackfillTasksTest, AGapAsksForEveryTableOnce) {
  EXPECT_FALSE(AddForGaps({}, tables_, 5, Begun, &tasks_));
  const std::vector<Gap> open = {GapWith(1), GapWith(2, "vault.people")};
  EXPECT_TRUE(AddForGaps(open, tables_, 5, Begun, &tasks_));
  ASSERT_EQ(tasks_.tasks.size(), 2u);
  EXPECT_EQ(tasks_.tasks[0].name, "vault.titles");
  EXPECT_THAT(tasks_.tasks[0].gaps, ElementsAre(1));
  EXPECT_THAT(tasks_.tasks[1].gaps, ElementsAre(1, 2));
  EXPECT_FALSE(AddForGaps(open, tables_, 6, Begun, &tasks_));
  // A gap that comes later needs another look, also where one is waiting, if it has begun.
  EXPECT_TRUE(AddForGaps({open[0], open[1], GapWith(3, "vault.titles")}, tables_, 6, Begun, &tasks_));
  ASSERT_EQ(tasks_.tasks.size(), 3u);
  EXPECT_THAT(tasks_.tasks[2].gaps, ElementsAre(3));
}

TEST_F(BackfillTasksTest, ManyGapsAskForOneMoreLook) {
  std::vector<Gap> open;
  const auto begun = [](const BackfillTask& task) { return task.id == 1; };
  for (uint64_t id = 1; id <= 100; ++id) {
    open.push_back(GapWith(id));
    EXPECT_TRUE(AddForGaps(open, {&titles_}, 5, begun, &tasks_));
    EXPECT_FALSE(AddForGaps(open, {&titles_}, 5, begun, &tasks_));
  }
  ASSERT_EQ(tasks_.tasks.size(), 2u);
  EXPECT_THAT(tasks_.tasks[0].gaps, ElementsAre(1));
  EXPECT_EQ(tasks_.tasks[1].gaps.size(), 99u);
  End(0, State::kDone);
  EXPECT_THAT(Healed(open, {&titles_}, tasks_), ElementsAre(open[0]));
  End(1, State::kDone);
  EXPECT_EQ(Healed(open, {&titles_}, tasks_).size(), 100u);
}

TEST_F(BackfillTasksTest, OnlyAWaitingTaskOfTheWholeTableTakesUpAGap) {
  const auto begun = [](const BackfillTask&) { return false; };
  tasks_.Add({.table = people_.table_id});
  tasks_.Add({.table = titles_.table_id, .state = State::kPaused});
  tasks_.Add({.table = titles_.table_id, .state = State::kDone});
  tasks_.Add({.table = titles_.table_id, .tokens = {{-5}, {5}}});
  tasks_.Add({.table = titles_.table_id, .compares = true});
  EXPECT_TRUE(AddForGaps({GapWith(1)}, {&titles_}, 5, begun, &tasks_));
  ASSERT_EQ(tasks_.tasks.size(), 6u);
  EXPECT_THAT(tasks_.tasks[5].gaps, ElementsAre(1));
}

TEST_F(BackfillTasksTest, ATaskThatFailsHoldsNoOtherUp) {
  constexpr int64_t kMinute = 60'000'000;
  BackfillTurns turns;
  EXPECT_EQ(turns.Next(tasks_, 0), nullptr);
  tasks_.Add({.table = titles_.table_id, .state = State::kPaused});
  tasks_.Add({.table = titles_.table_id});
  tasks_.Add({.table = people_.table_id});
  EXPECT_EQ(turns.Next(tasks_, 0), &tasks_.tasks[1]);
  turns.Fail(2, 0);
  EXPECT_EQ(turns.Next(tasks_, 0), &tasks_.tasks[2]);
  turns.Wait(3, 5);
  EXPECT_EQ(turns.Next(tasks_, 4), nullptr);
  EXPECT_EQ(turns.Next(tasks_, 5), &tasks_.tasks[2]);
  EXPECT_EQ(turns.Next(tasks_, kMinute), &tasks_.tasks[1]);
  turns.Fail(2, kMinute);
  EXPECT_EQ(turns.Next(tasks_, 3 * kMinute - 1), &tasks_.tasks[2]) << "twice as long";
  EXPECT_EQ(turns.Next(tasks_, 3 * kMinute), &tasks_.tasks[1]);
  turns.Fail(2, 3 * kMinute);
  tasks_.tasks[2] = {.id = 3, .table = titles_.table_id};
  EXPECT_EQ(turns.Next(tasks_, 3 * kMinute), nullptr) << "of the same table";
  tasks_.tasks[2].compares = true;
  EXPECT_EQ(turns.Next(tasks_, 3 * kMinute), &tasks_.tasks[2]);
  turns.Forget(2);
  EXPECT_EQ(turns.Next(tasks_, 3 * kMinute), &tasks_.tasks[1]);
}

TEST_F(BackfillTasksTest, AGapIsHealedWhenEveryTableIs) {
  const std::vector<Gap> open = {GapWith(1), GapWith(2, "vault.people")};
  AddForGaps(open, tables_, 5, Begun, &tasks_);
  EXPECT_THAT(Healed(open, tables_, tasks_), IsEmpty());
  End(1, State::kDone);
  EXPECT_THAT(Healed(open, tables_, tasks_), ElementsAre(open[1]));
  End(0, State::kCancelled);
  EXPECT_THAT(Healed(open, tables_, tasks_), ElementsAre(open[1]));
  EXPECT_FALSE(AddForGaps(open, tables_, 7, Begun, &tasks_)) << "who cancelled it does not want it";
  End(0, State::kDone);
  EXPECT_EQ(Healed(open, tables_, tasks_).size(), 2u);
  // A table that is gone holds nothing up.
  End(0, State::kWaiting);
  EXPECT_EQ(Healed(open, {&people_}, tasks_).size(), 2u);
}

TEST_F(BackfillTasksTest, FindsWhatIsUnfinishedOfATable) {
  tasks_.Add({.table = titles_.table_id});
  tasks_.Add({.table = people_.table_id});
  tasks_.Add({.table = titles_.table_id, .state = State::kPaused});
  EXPECT_THAT(tasks_.Unfinished(titles_.table_id), ElementsAre(&tasks_.tasks[0], &tasks_.tasks[2]));
  End(0, State::kDone);
  EXPECT_THAT(tasks_.Unfinished(titles_.table_id), ElementsAre(&tasks_.tasks[2]));
}

TEST_F(BackfillTasksTest, AComparisonIsNotKeptAndHealsNothing) {
  AddForGaps({GapWith(1)}, {&titles_}, 5, Begun, &tasks_);
  tasks_.tasks[0].compares = true;
  End(0, State::kDone);
  EXPECT_THAT(Healed({GapWith(1)}, {&titles_}, tasks_), IsEmpty());
  ASSERT_TRUE(WriteBackfills(&files_, "/s", tasks_).has_value());
  EXPECT_THAT(ReadBackfills(&files_, "/s")->tasks, IsEmpty());
}

TEST_F(BackfillTasksTest, ForgetsTheOldestThatSayNothing) {
  for (int i = 0; i < 20; ++i) tasks_.Add({.table = titles_.table_id, .state = State::kDone});
  tasks_.tasks[0].gaps = {1};
  tasks_.Add({.table = people_.table_id});
  tasks_.Forget({GapWith(1)}, [](const TableId&) { return false; });
  EXPECT_EQ(tasks_.tasks.size(), 17u);
  EXPECT_EQ(tasks_.tasks[0].id, 1u);
  EXPECT_EQ(tasks_.tasks[1].id, 6u);
  EXPECT_EQ(tasks_.Add({}).id, 22u);
}

TEST_F(BackfillTasksTest, WhatWasCancelledIsNotTakenUpAgain) {
  tasks_.Add({.table = people_.table_id, .state = State::kCancelled});
  for (int i = 0; i < 20; ++i) tasks_.Add({.table = titles_.table_id, .state = State::kCancelled});
  const auto unknown = [&](const TableId& table) { return table == people_.table_id; };
  tasks_.Forget({}, unknown);
  ASSERT_EQ(tasks_.tasks.size(), 16u);
  EXPECT_EQ(tasks_.tasks[0].table, people_.table_id);
}

}  // namespace
}  // namespace braid
