#include "pipeline/run/partition_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "model/key.h"

namespace braid {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TableSchemaPtr Table(const std::vector<TypePtr>& types) {
  auto schema = std::make_shared<TableSchema>();
  schema->keyspace = "k";
  schema->table = "t";
  for (size_t i = 0; i < types.size(); ++i) {
    Column column;
    column.id = {static_cast<uint16_t>(i)};
    column.name = "p" + std::to_string(i);
    column.kind = ColumnKind::kPartitionKey;
    column.type = types[i];
    schema->columns.push_back(column);
  }
  schema->IndexColumns();
  return schema;
}

std::string Refused(const TableSchema& schema, const std::string& text) {
  const auto key = ParsePartitionKey(schema, text);
  EXPECT_FALSE(key.has_value()) << text;
  if (key.has_value()) return "";
  EXPECT_EQ(key.error().code, ErrorCode::kInvalidArgument);
  return key.error().message;
}

TEST(PartitionKeyTest, OneColumnIsItsBytes) {
  const TableSchemaPtr schema = Table({SimpleType(TypeKind::kInt)});
  EXPECT_EQ(*ParsePartitionKey(*schema, "-2"), std::string("\xFF\xFF\xFF\xFE", 4));
  EXPECT_EQ(*ParsePartitionKey(*schema, " 842 "), std::string("\0\0\x03\x4A", 4));
}

TEST(PartitionKeyTest, SeveralAreTheirComposite) {
  const TableSchemaPtr schema = Table({SimpleType(TypeKind::kText), SimpleType(TypeKind::kBlob)});
  const std::string key = *ParsePartitionKey(*schema, "'it''s, so',0xCAFE");
  PartitionKeyReader reader(2, key);
  EXPECT_EQ(*reader.Next(), "it's, so");
  EXPECT_EQ(*reader.Next(), "\xCA\xFE");
  EXPECT_FALSE(reader.Next().has_value());
  EXPECT_TRUE(reader.status().has_value());
}

TEST(PartitionKeyTest, WhatIsNoneIsRefusedWithWhatToWrite) {
  const TableSchemaPtr one = Table({SimpleType(TypeKind::kText)});
  EXPECT_THAT(Refused(*one, "abc"), AllOf(HasSubstr("abc is no partition key of k.t"), HasSubstr("in single quotes")));
  EXPECT_THAT(Refused(*one, "'abc"), HasSubstr("p0 text"));
  for (const char* text : {"", "'a','b'", "'a',", "'a' 'b'"}) {
    EXPECT_THAT(Refused(*one, text), HasSubstr("one value")) << text;
  }
  const TableSchemaPtr two = Table({SimpleType(TypeKind::kInt), SimpleType(TypeKind::kInt)});
  EXPECT_THAT(Refused(*two, "1"), HasSubstr("2 values"));
  EXPECT_THAT(Refused(*two, "1 2"), HasSubstr("2 values"));
  EXPECT_THAT(Refused(*two, "1, 3000000000"), HasSubstr("2147483647"));
  const TableSchemaPtr odd = Table({SimpleType(TypeKind::kDuration)});
  EXPECT_THAT(Refused(*odd, "1"), HasSubstr("SELECT token(p0)"));
}

TEST(PartitionKeyTest, WhatNoKeyCanHoldIsRefused) {
  const TableSchemaPtr schema = Table({SimpleType(TypeKind::kText), SimpleType(TypeKind::kInt)});
  const std::string longest(60'000, 'x');
  EXPECT_TRUE(ParsePartitionKey(*schema, "'" + longest + "',1").has_value());
  EXPECT_FALSE(ParsePartitionKey(*schema, "'" + longest + longest + "',1").has_value());
}

}  // namespace
}  // namespace braid
