#include "codec/change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "codec/testing/maker.h"
#include "codec/testing/same.h"

namespace braid {
namespace {

using ::testing::HasSubstr;

std::string Encoded(const Change& change) {
  std::string bytes;
  AppendChange(&bytes, change);
  return bytes;
}

RC_GTEST_PROP(ChangeCodec, EveryChangeComesBack, (uint64_t seed)) {
  Arena arena;
  testing::Maker maker(seed, &arena);
  const TableSchemaPtr schema = maker.MakeSchema();
  SchemaSet schemas;
  schemas.Add(schema);
  const Change change = maker.MakeChange(*schema);
  const std::string bytes = Encoded(change);
  const auto decoded = DecodeChange(bytes, change.sequence, schemas, &arena);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(testing::Same(change, *decoded));
  RC_ASSERT(Encoded(*decoded) == bytes);
}

class OneChange : public ::testing::Test {
 protected:
  OneChange() {
    auto schema = std::make_shared<TableSchema>();
    schema->columns.resize(3);
    const char* names[] = {"id", "title", "plot"};
    for (uint16_t i = 0; i < 3; ++i) {
      schema->columns[i].id = ColumnId{i};
      schema->columns[i].name = names[i];
      schema->columns[i].kind = i == 0 ? ColumnKind::kPartitionKey : ColumnKind::kRegular;
      schema->columns[i].type = SimpleType(TypeKind::kText);
    }
    schema->IndexColumns();
    schema->id = ComputeSchemaId(*schema);
    schemas_.Add(schema);
    schema_ = schema;
    change_.schema = schema_.get();
    change_.partition_key = "842";
    before_values_ = {{ColumnId{2}, false, plot_}, {ColumnId{1}, false, "Fargo"}};
    after_values_ = before_values_;
    before_.columns = before_values_;
    after_.columns = after_values_;
    change_.before = &before_;
  }

  std::string plot_ = std::string(500, 'p');
  TableSchemaPtr schema_;
  SchemaSet schemas_;
  std::vector<ColumnValue> before_values_;
  std::vector<ColumnValue> after_values_;
  Image before_;
  Image after_;
  Change change_;
  Arena arena_;
};

TEST_F(OneChange, AValueThatStaysIsStoredOnce) {
  const size_t without_after = Encoded(change_).size();
  after_values_[1].value = "Fargo (1996)";
  change_.after = &after_;
  EXPECT_EQ(Encoded(change_).size(), without_after + 1 + 1 + 1 + 12);
}

TEST_F(OneChange, AReferenceToNoImageIsCorrupt) {
  change_.before = nullptr;
  change_.after = &after_;
  after_values_[0].value = "x";
  std::string bytes = Encoded(change_);
  // The first value's size, 1 + 2, after everything but the two values.
  const size_t at = bytes.size() - 6 - 2;
  ASSERT_EQ(bytes[at], 3);
  bytes[at] = 1;
  const auto refused = DecodeChange(bytes, {}, schemas_, &arena_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("refers to an image"));
}

TEST_F(OneChange, UnknownColumnsAreLeftOutOfTheImage) {
  const std::vector<ColumnId> unknown = {ColumnId{2}};
  change_.complete = false;
  change_.unknown = unknown;
  before_.columns = before_.columns.subspan(1);
  const std::string bytes = Encoded(change_);
  const auto decoded = DecodeChange(bytes, {}, schemas_, &arena_);
  ASSERT_TRUE(decoded.has_value());
  ASSERT_EQ(decoded->before->columns.size(), 1u);
  EXPECT_EQ(decoded->before->columns[0].column, ColumnId{1});
  // Not named one by one: the image is its form, and the value with its size.
  EXPECT_EQ(bytes.substr(bytes.size() - 7), std::string("\x01\x07") + "Fargo");
}

TEST_F(OneChange, GetsItsSequenceFromItsLog) {
  const Sequence sequence{.epoch = 3, .partition = 1, .n = 77};
  EXPECT_EQ(DecodeChange(Encoded(change_), sequence, schemas_, &arena_)->sequence, sequence);
}

TEST_F(OneChange, SaysThatItIsNotConfirmed) {
  change_.confirmed = false;
  EXPECT_FALSE(DecodeChange(Encoded(change_), {}, schemas_, &arena_)->confirmed);
}

TEST_F(OneChange, OfVersion1IsConfirmed) {
  std::string bytes = Encoded(change_);
  bytes[0] = 1;
  const auto decoded = DecodeChange(bytes, {}, schemas_, &arena_);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_TRUE(decoded->confirmed);
  EXPECT_TRUE(testing::Same(*decoded, change_));
  // The bit that was free then.
  bytes[10] = static_cast<char>(bytes[10] | 128);
  const auto refused = DecodeChange(bytes, {}, schemas_, &arena_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("unknown flags"));
}

}  // namespace
}  // namespace braid
