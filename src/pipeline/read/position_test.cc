#include "pipeline/read/position.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(ReadFromTest, Words) {
  EXPECT_EQ(ParseReadFrom("earliest")->kind, ReadFrom::Kind::kEarliest);
  EXPECT_EQ(ParseReadFrom("latest")->kind, ReadFrom::Kind::kLatest);
}

TEST(ReadFromTest, APositionComesBack) {
  const StreamPosition position{12, {1, 20, 3}};
  EXPECT_EQ(position.ToString(), "12:1,20,3");
  const auto from = ParseReadFrom(position.ToString());
  ASSERT_TRUE(from.has_value());
  EXPECT_EQ(from->kind, ReadFrom::Kind::kPosition);
  EXPECT_EQ(from->position, position);
}

TEST(ReadFromTest, APositionInKafkaComesBack) {
  const KafkaPosition position{{{"movies.vault.titles", {1, 20, 3}}, {"movies.gaps", {0, 0}}}};
  EXPECT_EQ(position.ToString(), "k1/movies.gaps:0,0/movies.vault.titles:1,20,3");
  const auto from = ParseReadFrom(position.ToString());
  ASSERT_TRUE(from.has_value());
  EXPECT_EQ(from->kind, ReadFrom::Kind::kKafkaPosition);
  EXPECT_EQ(from->kafka, position);
}

TEST(ReadFromTest, HalfAPositionInKafkaIsRefused) {
  for (const char* text : {"k1/", "k1/a", "k1/a:", "k1/:1", "k1/a:1,", "k1/a:1/", "k1/a:1//b:1", "k1/a:1/a:2",
                           "k1/a:-1", "k1/a:99999999999999999999999"}) {
    const auto from = ParseReadFrom(text);
    ASSERT_FALSE(from.has_value()) << text;
    EXPECT_EQ(from.error().code, ErrorCode::kInvalidArgument) << text;
  }
}

TEST(ReadFromTest, APositionOfALaterVersionIsRefusedByName) {
  const auto from = ParseReadFrom("k2/whatever");
  ASSERT_FALSE(from.has_value());
  EXPECT_EQ(from.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(from.error().message, testing::HasSubstr("version k2"));
}

TEST(ReadFromTest, AnEventsSequence) {
  const auto from = ParseReadFrom("12:1:20");
  ASSERT_TRUE(from.has_value());
  EXPECT_EQ(from->kind, ReadFrom::Kind::kSequence);
  EXPECT_EQ(from->sequence, (Sequence{12, 1, 20}));
}

TEST(ReadFromTest, WhatIsNoPlaceIsToldWhatWouldBeOne) {
  for (const char* text :
       {"", "first", "12", "12:", ":1", "12:1,", "12:1:2:3", "12:x", "-1:2", "12:99999999999999999999"}) {
    const auto from = ParseReadFrom(text);
    ASSERT_FALSE(from.has_value()) << text;
    EXPECT_EQ(from.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(from.error().message, testing::HasSubstr("earliest"));
  }
}

}  // namespace
}  // namespace braid
