#include "model/key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"

namespace braid {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Split {
  std::vector<std::string> values;
  Status status;
};

Split SplitKey(size_t columns, ByteView raw) {
  PartitionKeyReader reader(columns, raw);
  Split split;
  while (const std::optional<ByteView> value = reader.Next()) split.values.emplace_back(*value);
  split.status = reader.status();
  return split;
}

Split SplitClustering(ByteView clustering) {
  ClusteringReader reader(clustering);
  Split split;
  while (const auto value = reader.Next()) split.values.push_back(value->null ? "NULL" : std::string(value->bytes));
  split.status = reader.status();
  return split;
}

TEST(PartitionKeyReaderTest, OneColumnIsTheWholeKey) {
  const Split split = SplitKey(1, FromHex("00020001"));
  EXPECT_TRUE(split.status);
  EXPECT_THAT(split.values, ElementsAre(FromHex("00020001")));
}

TEST(PartitionKeyReaderTest, AnEmptyKeyOfOneColumnHasOneEmptyValue) {
  const Split split = SplitKey(1, "");
  EXPECT_TRUE(split.status);
  EXPECT_THAT(split.values, ElementsAre(""));
}

TEST(PartitionKeyReaderTest, SeveralColumnsAreAComposite) {
  std::string raw;
  AppendCompositeValue("one", &raw);
  AppendCompositeValue("", &raw);
  AppendCompositeValue(std::string(65535, 'x'), &raw);
  EXPECT_EQ(raw.substr(0, 9), FromHex("00036f6e6500000000"));
  const Split split = SplitKey(3, raw);
  EXPECT_TRUE(split.status);
  EXPECT_THAT(split.values, ElementsAre("one", "", std::string(65535, 'x')));
}

TEST(PartitionKeyReaderTest, EveryCutOfACompositeIsCorrupt) {
  std::string raw;
  AppendCompositeValue("one", &raw);
  AppendCompositeValue("two", &raw);
  for (size_t size = 0; size < raw.size(); ++size) {
    EXPECT_FALSE(SplitKey(2, ByteView(raw).substr(0, size)).status) << size;
  }
  EXPECT_FALSE(SplitKey(2, raw + '\0').status);
}

TEST(PartitionKeyReaderTest, AValueMustEndWithZero) {
  const Split split = SplitKey(2, FromHex("00016101"
                                          "00016200"));
  EXPECT_THAT(split.values, ElementsAre());
  ASSERT_FALSE(split.status);
  EXPECT_EQ(split.status.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(split.status.error().message, HasSubstr("at its byte 4: a value does not end with 0"));
}

TEST(ClusteringReaderTest, ReadsWhatWasAppended) {
  std::string clustering;
  AppendClusteringValue("a", &clustering);
  AppendClusteringNull(&clustering);
  AppendClusteringValue("", &clustering);
  AppendClusteringValue(std::string(300, 'b'), &clustering);
  EXPECT_EQ(clustering.substr(0, 4), FromHex("02610001"));
  const Split split = SplitClustering(clustering);
  EXPECT_TRUE(split.status);
  EXPECT_THAT(split.values, ElementsAre("a", "NULL", "", std::string(300, 'b')));
}

TEST(ClusteringReaderTest, NoBytesAreNoValues) {
  const Split split = SplitClustering("");
  EXPECT_TRUE(split.status);
  EXPECT_THAT(split.values, ElementsAre());
}

TEST(ClusteringReaderTest, ALengthPastTheEndIsCorrupt) {
  EXPECT_FALSE(SplitClustering(FromHex("0361")).status);
  EXPECT_FALSE(SplitClustering(FromHex("ffffffffffffffffff")).status);
  EXPECT_FALSE(SplitClustering(FromHex("80")).status);
}

}  // namespace
}  // namespace braid
