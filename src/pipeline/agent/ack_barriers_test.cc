#include "pipeline/agent/ack_barriers.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

using Counts = AckBarriers::Counts;
using Positions = AckBarriers::Positions;

Positions At(uint64_t offset) {
  return {{NodeIndex{0}, SegmentId{7}, offset}};
}

auto Through(const Counts& acked) {
  return [acked](const Counts& pushed) {
    for (size_t i = 0; i < pushed.size(); ++i) {
      if (pushed[i] > acked[i]) return false;
    }
    return true;
  };
}

TEST(AckBarriersTest, APositionCountsWhenEveryPartitionHasWhatWasPushedBeforeIt) {
  AckBarriers barriers;
  barriers.Add({1, 0}, At(10));
  barriers.Add({1, 2}, At(20));
  barriers.Add({3, 2}, At(30));
  EXPECT_FALSE(barriers.Advance(Through({0, 9})));
  EXPECT_TRUE(barriers.acked().empty());
  EXPECT_TRUE(barriers.Advance(Through({2, 1})));
  EXPECT_EQ(barriers.acked(), At(10));
  // Partition 0 is ahead: that alone is not enough.
  EXPECT_FALSE(barriers.Advance(Through({9, 1})));
  EXPECT_TRUE(barriers.Advance(Through({9, 2})));
  EXPECT_EQ(barriers.acked(), At(30));
}

TEST(AckBarriersTest, OneIsWantedWhereSomethingMoved) {
  AckBarriers barriers;
  EXPECT_TRUE(barriers.Wants({0}, At(10)));
  barriers.Add({0}, At(10));
  EXPECT_FALSE(barriers.Wants({0}, At(10)));
  EXPECT_TRUE(barriers.Wants({1}, At(10)));
  EXPECT_TRUE(barriers.Wants({0}, At(20)));
  ASSERT_TRUE(barriers.Advance(Through({0})));
  EXPECT_FALSE(barriers.Wants({1}, At(10))) << "what is acknowledged already";
  EXPECT_TRUE(barriers.Wants({1}, At(20)));
}

TEST(AckBarriersTest, ThereAreNotTooMany) {
  AckBarriers barriers;
  uint64_t n = 0;
  while (barriers.Wants({n}, At(n)) && n < 100'000) barriers.Add({n}, At(n)), ++n;
  EXPECT_LE(n, 1000u);
}

TEST(AckBarriersTest, WhatAnotherProducerCountsIsNotMixedUp) {
  AckBarriers barriers;
  barriers.Add({5}, At(10));
  ASSERT_TRUE(barriers.Advance(Through({5})));
  barriers.Add({100}, At(20));
  barriers.Clear();
  EXPECT_EQ(barriers.acked(), At(10));
  barriers.Add({1}, At(15));
  EXPECT_TRUE(barriers.Advance(Through({1})));
  EXPECT_EQ(barriers.acked(), At(15));
}

}  // namespace
}  // namespace braid
