#include "pipeline/read/gaps_told.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(GapsToldTest, EachWordOnce) {
  GapsTold gaps;
  EXPECT_TRUE(gaps.IsNews(1, 0, true));
  EXPECT_FALSE(gaps.IsNews(1, 1, true));
  EXPECT_TRUE(gaps.IsNews(2, 0, true));
  EXPECT_FALSE(gaps.IsNews(1, 1, false)) << "it is open in shard 0";
  EXPECT_TRUE(gaps.IsNews(1, 0, false));
  EXPECT_FALSE(gaps.IsNews(1, 0, false));
}

TEST(GapsToldTest, AnOpeningThatComesBehindTheEndIsNoNews) {
  GapsTold gaps;
  EXPECT_TRUE(gaps.IsNews(1, 0, false));
  EXPECT_FALSE(gaps.IsNews(1, 0, true));
  EXPECT_FALSE(gaps.IsNews(1, 0, false));
}

TEST(GapsToldTest, AShardThatIsBehindEndsItForGood) {
  GapsTold gaps;
  EXPECT_TRUE(gaps.IsNews(1, 0, true));
  EXPECT_TRUE(gaps.IsNews(1, 0, false));
  EXPECT_FALSE(gaps.IsNews(1, 1, true));
  EXPECT_TRUE(gaps.IsNews(1, 1, false));
}

}  // namespace
}  // namespace braid
