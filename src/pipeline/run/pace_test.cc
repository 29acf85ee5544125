#include "pipeline/run/pace.h"

#include <gtest/gtest.h>

#include "pipeline/feed/wall_clock.h"

namespace braid {
namespace {

bool Never() {
  return false;
}

TEST(PaceTest, NoFasterThanTheRate) {
  const int64_t started_us = WallClockUs();
  const Pace pace(1'000'000);
  EXPECT_TRUE(pace.Await(20'000, Never));
  EXPECT_TRUE(pace.Await(50'000, Never));
  EXPECT_GE(WallClockUs() - started_us, 50'000);
}

TEST(PaceTest, WithoutARateNothingWaits) {
  EXPECT_TRUE(Pace(0).Await(UINT64_MAX, Never));
  EXPECT_FALSE(Pace(0).Await(0, [] { return true; })) << "but it is asked";
}

TEST(PaceTest, WhatNobodyWantsIsNotWaitedFor) {
  int asked = 0;
  EXPECT_FALSE(Pace(1).Await(1'000'000, [&asked] { return ++asked == 3; }));
}

}  // namespace
}  // namespace braid
