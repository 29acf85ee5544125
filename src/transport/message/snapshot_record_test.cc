#include "transport/message/snapshot_record.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

SnapshotRequest SomeRequest() {
  SnapshotRequest request{.shard = 300, .attempt = 1'795'302'080'038'499, .table = {}, .after = {}, .through = {}};
  request.table.bytes[3] = 7;
  request.after.value = INT64_MIN;
  request.through.value = -5;
  return request;
}

TEST(SnapshotRecordTest, ARequestIsReadAsItWasWritten) {
  const auto read = DecodeSnapshotRequest(EncodeSnapshotRequest(SomeRequest()));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(*read, SomeRequest());
}

TEST(SnapshotRecordTest, APieceIsReadAsItWasWritten) {
  std::string bytes;
  AppendSnapshotRecord(&bytes,
                       {.attempt = 5, .first = false, .last = true, .whole = false, .bytes = "abc", .missing = {}});
  const auto read = DecodeSnapshotRecord(bytes);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->kind, SnapshotRecord::Kind::kPiece);
  EXPECT_EQ(read->attempt, 5u);
  EXPECT_FALSE(read->first);
  EXPECT_TRUE(read->last);
  EXPECT_FALSE(read->whole);
  EXPECT_EQ(read->bytes, "abc");
}

TEST(SnapshotRecordTest, AnEndIsReadAsItWasWritten) {
  std::string bytes;
  AppendSnapshotRecord(&bytes, {.kind = SnapshotRecord::Kind::kEnd, .attempt = 5, .bytes = {}, .missing = "no disk"});
  const auto read = DecodeSnapshotRecord(bytes);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->kind, SnapshotRecord::Kind::kEnd);
  EXPECT_EQ(read->missing, "no disk");
}

TEST(SnapshotRecordTest, WhatIsCutOrNewerIsRefused) {
  const std::string request = EncodeSnapshotRequest(SomeRequest());
  for (size_t size = 0; size < request.size(); ++size) {
    const auto read = DecodeSnapshotRequest(std::string_view(request).substr(0, size));
    ASSERT_FALSE(read.has_value()) << size;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  }
  EXPECT_EQ(DecodeSnapshotRequest(request + "x").error().code, ErrorCode::kCorrupt);
  std::string record;
  AppendSnapshotRecord(&record, {.kind = SnapshotRecord::Kind::kEnd, .attempt = 5, .bytes = {}, .missing = {}});
  record[1] = 9;
  EXPECT_EQ(DecodeSnapshotRecord(record).error().code, ErrorCode::kUnsupported);
  record[0] = 2;
  EXPECT_EQ(DecodeSnapshotRecord(record).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(DecodeSnapshotRecord("").error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace braid
