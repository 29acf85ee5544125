#include "codec/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <string>

#include "base/arena.h"
#include "codec/testing/maker.h"
#include "codec/testing/same.h"

namespace braid {
namespace {

using ::testing::HasSubstr;

std::string Encoded(const TableSchema& schema) {
  std::string bytes;
  AppendTableSchema(&bytes, schema);
  return bytes;
}

Column MakeColumn(uint16_t id, const char* name, ColumnKind kind, TypePtr type) {
  Column column;
  column.id = ColumnId{id};
  column.name = name;
  column.kind = kind;
  column.type = std::move(type);
  return column;
}

TableSchema Titles() {
  TableSchema schema;
  for (size_t i = 0; i < 16; ++i) schema.table_id.bytes[i] = static_cast<uint8_t>(i);
  schema.keyspace = "vault";
  schema.table = "titles";
  schema.cdc = true;
  schema.columns = {
      MakeColumn(0, "id", ColumnKind::kPartitionKey, SimpleType(TypeKind::kInt)),
      MakeColumn(1, "tags", ColumnKind::kRegular, SetOf(SimpleType(TypeKind::kText), false)),
  };
  schema.IndexColumns();
  schema.id = ComputeSchemaId(schema);
  return schema;
}

RC_GTEST_PROP(SchemaCodec, EverySchemaComesBack, (uint64_t seed)) {
  Arena arena;
  testing::Maker maker(seed, &arena);
  TableSchema schema = *maker.MakeSchema();
  schema.id = ComputeSchemaId(schema);
  const std::string bytes = Encoded(schema);
  const auto decoded = DecodeTableSchema(bytes);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(testing::Same(schema, **decoded));
  RC_ASSERT((*decoded)->regulars == schema.regulars);
  RC_ASSERT((*decoded)->clustering == schema.clustering);
  RC_ASSERT(Encoded(**decoded) == bytes);
}

// The bytes of the example in docs/formats/table-schema.md; the id is for ever, as logs name it.
TEST(SchemaCodec, ATableHasTheDocumentedBytesAndId) {
  const std::string expected(
      "\x01"
      "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C\x0D\x0E\x0F"
      "\x05vault\x06titles"
      "\x01"          // cdc
      "\xDA\x5E\x00"  // 864000 s
      "\x02"          // columns
      "\x00\x02id\x00\x0D"
      "\x03\x04tags\x00\x17\x0F",
      50);
  EXPECT_EQ(Encoded(Titles()), expected);
  EXPECT_EQ(ComputeSchemaId(Titles()).value, 0xA4505A29298AC73Eu);
}

TEST(SchemaCodec, TheIdIsOfTheContentAlone) {
  TableSchema schema = Titles();
  const SchemaId id = schema.id;
  schema.id = SchemaId{7};
  EXPECT_EQ(ComputeSchemaId(schema), id);
  schema.columns[1].dropped = true;
  EXPECT_NE(ComputeSchemaId(schema), id);
  schema = Titles();
  schema.columns[1].type = SetOf(SimpleType(TypeKind::kText), true);
  EXPECT_NE(ComputeSchemaId(schema), id);
  schema = Titles();
  schema.cdc = false;
  EXPECT_NE(ComputeSchemaId(schema), id);
}

TEST(SchemaCodec, DeepTypesAreRefusedBeforeTheStackEnds) {
  TableSchema schema = Titles();
  TypePtr type = SimpleType(TypeKind::kInt);
  for (int i = 0; i < 64; ++i) type = ListOf(type, true);
  schema.columns[1].type = type;
  EXPECT_TRUE(DecodeTableSchema(Encoded(schema)).has_value());
  schema.columns[1].type = ListOf(type, true);
  const auto refused = DecodeTableSchema(Encoded(schema));
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("nested too deeply"));
}

TEST(SchemaCodec, ALongSpellingGetsTheIdOfTheShort) {
  std::string bytes = Encoded(Titles());
  // The number of columns, 2, in two bytes.
  const size_t at = 1 + 16 + 6 + 7 + 1 + 3;
  ASSERT_EQ(bytes[at], 2);
  bytes.replace(at, 1, std::string("\x80\x02", 2));
  const auto decoded = DecodeTableSchema(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ((*decoded)->id, Titles().id);
}

TEST(SchemaCodec, AnUnknownDefinitionIsNotFoundByName) {
  SchemaSet schemas;
  const auto schema = std::make_shared<TableSchema>(Titles());
  EXPECT_EQ(FindSchema(schemas, SchemaId{0xAB}, "mutation").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(FindSchema(schemas, SchemaId{0xAB}, "mutation").error().message, HasSubstr("00000000000000ab"));
  schemas.Add(schema);
  EXPECT_EQ(*FindSchema(schemas, schema->id, "mutation"), schema.get());
}

}  // namespace
}  // namespace braid
