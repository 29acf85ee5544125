#include "transport/kafka/assignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braid::kafka {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::string_literals;

// Version 1, two topics, no data of the assignor's.
const std::string kTwoTopics =
    "\0\1"
    "\0\0\0\2"
    "\0\1m"
    "\0\0\0\2"
    "\0\0\0\3"
    "\0\0\0\5"
    "\0\2no"
    "\0\0\0\1"
    "\0\0\0\0"
    "\xff\xff\xff\xff"s;

TEST(AssignmentTest, WhatAMemberWasGiven) {
  const auto given = DecodeAssignment(kTwoTopics);
  ASSERT_TRUE(given.has_value()) << given.error().message;
  EXPECT_THAT(*given, ElementsAre(KafkaPartition{"m", 3}, KafkaPartition{"m", 5}, KafkaPartition{"no", 0}));
  EXPECT_THAT(*DecodeAssignment(""), IsEmpty());
  EXPECT_THAT(*DecodeAssignment("\0\0\0\0\0\0\xff\xff\xff\xff"s), IsEmpty());
}

TEST(AssignmentTest, WhatEndsEarlyIsCorruptAndNothingIsBelieved) {
  const size_t data = kTwoTopics.size() - 4;
  for (size_t size = 1; size < data; ++size) {
    const auto given = DecodeAssignment(kTwoTopics.substr(0, size));
    ASSERT_FALSE(given.has_value()) << size;
    EXPECT_EQ(given.error().code, ErrorCode::kCorrupt);
  }
  EXPECT_FALSE(DecodeAssignment("\0\0\x7f\xff\xff\xff"s).has_value());
  EXPECT_FALSE(DecodeAssignment("\0\0\0\0\0\1\xff\xff\0\0\0\0"s).has_value());
  EXPECT_FALSE(DecodeAssignment("\xff\0\0\0\0\0"s).has_value());
}

}  // namespace
}  // namespace braid::kafka
