#include "pipeline/read/kafka_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braid {
namespace {

StreamSpec SpecOf(std::vector<std::string> tables) {
  StreamSpec spec;
  spec.tables = std::move(tables);
  return spec;
}

TEST(KafkaRecordsTest, ATopicOfItsOwn) {
  KafkaStream stream;
  stream.topic = "titles";
  const StreamSpec spec = SpecOf({"vault.titles"});
  EXPECT_TRUE(IsTopicOf("titles", stream, spec));
  EXPECT_TRUE(IsTopicOf("titles.static", stream, spec));
  EXPECT_FALSE(IsTopicOf("titles.vault.titles", stream, spec));
  EXPECT_FALSE(IsTopicOf("titles2", stream, spec));
}

TEST(KafkaRecordsTest, ATopicForEachTable) {
  KafkaStream stream;
  stream.topic = "movies";
  stream.topic_per_table = true;
  const StreamSpec spec = SpecOf({"vault.*", "cast.static"});
  EXPECT_TRUE(IsTopicOf("movies.vault.titles", stream, spec));
  EXPECT_TRUE(IsTopicOf("movies.vault.titles.static", stream, spec));
  EXPECT_TRUE(IsTopicOf("movies.vault.static", stream, spec));
  EXPECT_TRUE(IsTopicOf("movies.cast.static", stream, spec));
  EXPECT_FALSE(IsTopicOf("movies.cast.people", stream, spec));
  EXPECT_FALSE(IsTopicOf("movies.gaps", stream, spec));
  EXPECT_FALSE(IsTopicOf("movies.vault.titles.other", stream, spec));
  EXPECT_FALSE(IsTopicOf("movies.vault.titles.static.static", stream, spec));
  EXPECT_FALSE(IsTopicOf("movies2.vault.titles", stream, spec));
}

TEST(KafkaRecordsTest, Payload) {
  EXPECT_EQ(PayloadOf(R"({"schema":{"a":"}\"{,\"payload\":","b":[{}]},"payload":{"c":1}})"), R"({"c":1})");
  for (const char* other : {"", "{}", R"({"schema":)", R"({"schema":{"a":1})", R"({"schema":{"a":"})",
                            R"({"schema":{},"pay":1})", R"({"op":"c"})"}) {
    EXPECT_EQ(PayloadOf(other), std::nullopt) << other;
  }
}

TEST(KafkaRecordsTest, Gap) {
  const auto gap = ReadGapRecord(R"({"op":"m","gap":{"id":18446744073709551615,"state":"open","table":"a.b"}})");
  ASSERT_TRUE(gap.has_value());
  EXPECT_EQ(gap->id, UINT64_MAX);
  EXPECT_TRUE(gap->open);
  EXPECT_EQ(gap->table, "a.b");
  const auto closed = ReadGapRecord(R"({"gap":{"id":1,"state":"closed","table":null}})");
  ASSERT_TRUE(closed.has_value());
  EXPECT_FALSE(closed->open);
  EXPECT_EQ(closed->table, "");
  for (const char* other :
       {"", "[]", "{}", R"({"gap":1})", R"({"gap":{"id":-1,"state":"open"}})", R"({"gap":{"id":1}})"}) {
    EXPECT_FALSE(ReadGapRecord(other).has_value()) << other;
  }
}

TEST(KafkaRecordsTest, SequenceOfAHeader) {
  EXPECT_EQ(ReadSequence("3:1:20"), (Sequence{3, 1, 20}));
  for (const char* other : {"", "3:1", "3:1:", "3:1:x", "earliest"}) EXPECT_EQ(ReadSequence(other), std::nullopt);
}

}  // namespace
}  // namespace braid
