#include "pipeline/read/gaps_told.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(GapsToldTest, EachWordOnce) {
  GapsTold gaps;
  EXPECT_TRUE(gaps.IsNews(1, true));
  EXPECT_FALSE(gaps.IsNews(1, true));
  EXPECT_TRUE(gaps.IsNews(2, true));
  EXPECT_TRUE(gaps.IsNews(1, false));
  EXPECT_FALSE(gaps.IsNews(1, false));
}

TEST(GapsToldTest, AnOpeningThatComesBehindTheEndIsNoNews) {
  GapsTold gaps;
  EXPECT_TRUE(gaps.IsNews(1, false));
  EXPECT_FALSE(gaps.IsNews(1, true));
}

}  // namespace
}  // namespace braid
