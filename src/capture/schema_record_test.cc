#include "capture/schema_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/testing.h"
#include "codec/schema.h"

namespace braid {
namespace {

using testing::HasSubstr;
using Kind = SchemaRecord::Kind;

TableId Id() {
  return TableId::FromBytes(FromHex("000102030405060708090a0b0c0d0e0f"));
}

SchemaWitness Witness(uint32_t of_nodes) {
  SchemaWitness witness{.of_nodes = of_nodes};
  witness.host.fill(0xEE);
  return witness;
}

TableSchemaPtr Table() {
  auto schema = std::make_shared<TableSchema>();
  schema->table_id = Id();
  schema->keyspace = "k";
  schema->table = "t";
  schema->columns.push_back(
      {.id = {}, .name = "p", .kind = ColumnKind::kPartitionKey, .type = SimpleType(TypeKind::kInt), .dropped_at = {}});
  schema->IndexColumns();
  schema->id = ComputeSchemaId(*schema);
  return schema;
}

// One of each kind, with and without what a shared journal adds.
std::vector<SchemaRecord> OneOfEach() {
  return {
      {.kind = Kind::kDefinition, .table = Id(), .schema = Table(), .changed_at = {7}},
      {.kind = Kind::kDropped, .table = Id()},
      {.kind = Kind::kHistoryKnown, .table = Id()},
      {.kind = Kind::kHistoryUnknown, .table = Id()},
      {.kind = Kind::kBaseline},
      {.kind = Kind::kDefinition,
       .table = Id(),
       .schema = Table(),
       .changed_at = {7},
       .base = SchemaId{0x1122334455667788},
       .written_at = {-3}},
      {.kind = Kind::kDropped, .table = Id(), .written_at = {5}},
      {.kind = Kind::kHistoryKnown, .table = Id(), .base = SchemaId{9}},
      {.kind = Kind::kHistoryLogged, .table = Id(), .witness = Witness(300)},
      {.kind = Kind::kBaseline, .witness = Witness(3)},
      {.kind = Kind::kIntroduced, .witness = Witness(3)},
  };
}

std::string Encode(const SchemaRecord& record) {
  std::string bytes;
  AppendSchemaRecord(&bytes, record);
  return bytes;
}

TEST(SchemaRecordTest, ComesBackAsItWas) {
  std::string bytes;
  for (const SchemaRecord& record : OneOfEach()) AppendSchemaRecord(&bytes, record);
  std::vector<SchemaRecord> read;
  ASSERT_TRUE(DecodeSchemaRecords(bytes, "journal", &read).has_value());
  const std::vector<SchemaRecord> written = OneOfEach();
  ASSERT_EQ(read.size(), written.size());
  for (size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].kind, written[i].kind) << i;
    EXPECT_EQ(read[i].table, written[i].table) << i;
    EXPECT_EQ(read[i].changed_at, written[i].changed_at) << i;
    EXPECT_EQ(read[i].base, written[i].base) << i;
    EXPECT_EQ(read[i].written_at, written[i].written_at) << i;
    EXPECT_EQ(read[i].witness, written[i].witness) << i;
    ASSERT_EQ(read[i].schema == nullptr, written[i].schema == nullptr) << i;
    if (read[i].schema != nullptr) {
      EXPECT_EQ(read[i].schema->id, written[i].schema->id) << i;
    }
  }
}

TEST(SchemaRecordTest, BytesAreAsDocumented) {
  const std::string id = "000102030405060708090a0b0c0d0e0f";
  const std::string host = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
  std::string definition;
  AppendTableSchema(&definition, *Table());
  const std::vector<SchemaRecord> records = OneOfEach();
  EXPECT_EQ(Encode(records[5]), FromHex("06"
                                        "1122334455667788"
                                        "05"
                                        "0e") +
                                    static_cast<char>(definition.size()) + definition);
  EXPECT_EQ(Encode(records[6]), FromHex("07"
                                        "0a" +
                                        id));
  EXPECT_EQ(Encode(records[7]), FromHex("08"
                                        "0000000000000009" +
                                        id));
  EXPECT_EQ(Encode(records[8]), FromHex("09" + host + "812c" + id));
  EXPECT_EQ(Encode(records[9]), FromHex("0a" + host + "03"));
  EXPECT_EQ(Encode(records[10]), FromHex("0b" + host + "03"));
}

TEST(SchemaRecordTest, WhatIsCutOffIsCorrupt) {
  for (const SchemaRecord& record : OneOfEach()) {
    const std::string bytes = Encode(record);
    for (size_t size = 1; size < bytes.size(); ++size) {
      std::vector<SchemaRecord> read;
      const Status status = DecodeSchemaRecords(ByteView(bytes).substr(0, size), "journal", &read);
      ASSERT_FALSE(status.has_value()) << static_cast<int>(bytes[0]) << " cut at " << size;
      EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
    }
  }
}

RC_GTEST_PROP(SchemaRecordTest, AnyBytesAreReadOrRefused, ()) {
  std::string bytes;
  for (const SchemaRecord& record : OneOfEach()) AppendSchemaRecord(&bytes, record);
  for (int i = *rc::gen::inRange(1, 4); i > 0; --i)
    bytes[*rc::gen::inRange<size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  std::vector<SchemaRecord> read;
  if (!DecodeSchemaRecords(bytes, "journal", &read).has_value()) return;
  // What was read can be written, and is read the same.
  std::string again;
  for (const SchemaRecord& record : read) AppendSchemaRecord(&again, record);
  std::vector<SchemaRecord> read_again;
  RC_ASSERT(DecodeSchemaRecords(again, "journal", &read_again).has_value());
  RC_ASSERT(read_again.size() == read.size());
}

TEST(SchemaRecordTest, NonsenseIsCorrupt) {
  const std::string host(16, 'h');
  for (const std::string& bytes : {std::string("\x0c"), std::string("\0", 1), "\x0a" + host + '\0',
                                   "\x0a" + host + FromHex("c10000"), "\x07" + FromHex("ffffffffffffffffff") + host}) {
    std::vector<SchemaRecord> read;
    const Status status = DecodeSchemaRecords(bytes, "journal", &read);
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(status.error().message, HasSubstr("journal"));
  }
}

}  // namespace
}  // namespace braid
