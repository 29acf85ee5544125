#include "transport/message/message.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace braid {
namespace {

TEST(ShardOfTest, CutsTheRingEvenly) {
  EXPECT_EQ(ShardOf({INT64_MIN}, 4), 0u);
  EXPECT_EQ(ShardOf({-1}, 4), 1u);
  EXPECT_EQ(ShardOf({0}, 4), 2u);
  EXPECT_EQ(ShardOf({INT64_MAX}, 4), 3u);
  EXPECT_EQ(ShardOf({INT64_MAX}, 1), 0u);
}

}  // namespace
}  // namespace braid
