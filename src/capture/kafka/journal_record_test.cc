#include "capture/kafka/journal_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"

namespace braid {
namespace {

using Kind = SchemaRecord::Kind;

TEST(JournalRecordTest, BytesAreAsDocumented) {
  SchemaRecord dropped{.kind = Kind::kDropped, .written_at = {5}};
  dropped.table.bytes[0] = 0x11;
  std::string value;
  AppendToJournalRecord(dropped, &value);
  AppendToJournalRecord({.kind = Kind::kBaseline}, &value);
  EXPECT_EQ(value, FromHex("01"
                           "070a11000000000000000000000000000000"
                           "05"));
  std::vector<SchemaRecord> records;
  ASSERT_TRUE(DecodeJournalRecord(value, &records).has_value());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].table, dropped.table);
}

TEST(JournalRecordTest, OthersAreRefused) {
  std::vector<SchemaRecord> records;
  EXPECT_EQ(DecodeJournalRecord("\x02\x05", &records).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(DecodeJournalRecord("", &records).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(DecodeJournalRecord("\x01\x63", &records).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(DecodeJournalRecord("{\"json\":1}", &records).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace braid
