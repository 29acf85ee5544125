#include "pipeline/read/record_merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braid {
namespace {

using testing::ElementsAre;

// What is given now, as "SOURCE@OFFSET".
std::vector<std::string> Given(RecordMerge* merge) {
  std::vector<std::string> given;
  while (auto next = merge->Next()) {
    given.push_back(std::to_string(next->first) + "@" + std::to_string(next->second.offset));
  }
  return given;
}

TEST(RecordMergeTest, ByTimeBetweenPartitionsAndByOffsetWithin) {
  RecordMerge merge;
  merge.AddSource(0, RecordMerge::kNoEnd);
  merge.AddSource(0, RecordMerge::kNoEnd);
  merge.Take(0, {0, 10, "a"});
  merge.Take(0, {1, 5, "b"});  // a producer's clock may go back
  merge.Take(1, {0, 7, "c"});
  merge.Take(1, {3, 20, "d"});
  EXPECT_THAT(Given(&merge), ElementsAre("1@0", "0@0", "0@1"));
  merge.TakeEnd(0, 2);
  EXPECT_THAT(Given(&merge), ElementsAre("1@3"));
}

TEST(RecordMergeTest, WaitsForAPartitionThatMayHaveAnEarlierOne) {
  RecordMerge merge;
  merge.AddSource(0, RecordMerge::kNoEnd);
  merge.AddSource(0, RecordMerge::kNoEnd);
  merge.Take(0, {0, 10, "a"});
  EXPECT_EQ(merge.Next(), std::nullopt);
  merge.TakeEnd(1, 0);
  EXPECT_THAT(Given(&merge), ElementsAre("0@0"));
  // What comes now begins anew.
  merge.Take(1, {0, 3, "b"});
  EXPECT_EQ(merge.Next(), std::nullopt);
  merge.TakeEnd(0, 1);
  EXPECT_THAT(Given(&merge), ElementsAre("1@0"));
}

TEST(RecordMergeTest, NothingBehindTheEndAndNothingTwice) {
  RecordMerge merge;
  merge.AddSource(4, 7);
  EXPECT_FALSE(merge.is_done());
  merge.Take(0, {3, 1, "before"});
  merge.Take(0, {4, 1, "a"});
  merge.Take(0, {4, 1, "a"});
  merge.Take(0, {9, 1, "behind"});
  EXPECT_TRUE(merge.is_done(0));
  EXPECT_FALSE(merge.is_done());
  EXPECT_EQ(merge.position(0), 4);
  EXPECT_THAT(Given(&merge), ElementsAre("0@4"));
  EXPECT_TRUE(merge.is_done());
  EXPECT_EQ(merge.position(0), 7);
  EXPECT_EQ(merge.held_bytes(0), 0u);
}

TEST(RecordMergeTest, AnEndWithoutARecordThere) {
  // The mark that ends a transaction, or records of one that was aborted.
  RecordMerge merge;
  merge.AddSource(0, 5);
  merge.Take(0, {0, 1, "a"});
  merge.TakeEnd(0, 3);
  EXPECT_THAT(Given(&merge), ElementsAre("0@0"));
  EXPECT_EQ(merge.position(0), 3);
  EXPECT_FALSE(merge.is_done());
  merge.TakeEnd(0, 8);
  EXPECT_TRUE(merge.is_done());
  EXPECT_EQ(merge.position(0), 5);
}

TEST(RecordMergeTest, OneThatBeginsAtItsEndIsDone) {
  RecordMerge merge;
  merge.AddSource(5, 5);
  merge.AddSource(0, 1);
  merge.Take(1, {0, 1, "a"});
  EXPECT_THAT(Given(&merge), ElementsAre("1@0"));
  EXPECT_TRUE(merge.is_done());
}

}  // namespace
}  // namespace braid
