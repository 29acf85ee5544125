#include "codec/row_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "codec/testing/maker.h"
#include "codec/testing/same.h"

namespace braid {
namespace {

using ::testing::HasSubstr;
using ::testing::Le;

constexpr int64_t kNow = 1'763'700'000'123'456;

std::string Encoded(const RowState& state) {
  std::string bytes;
  AppendRowState(&bytes, state);
  return bytes;
}

std::string Encoded(const PartitionHeader& header) {
  std::string bytes;
  AppendPartitionHeader(&bytes, header);
  return bytes;
}

Cell LiveCell(uint16_t column, ByteView value, int64_t us = kNow) {
  return Cell{.column = ColumnId{column},
              .kind = CellKind::kLive,
              .ttl_s = 0,
              .at = WriteTime{us},
              .local_deletion = {},
              .path = {},
              .value = value};
}

RC_GTEST_PROP(RowStateCodec, EveryStateComesBack, (uint64_t seed)) {
  Arena arena;
  testing::Maker maker(seed, &arena);
  const TableSchemaPtr schema = maker.MakeSchema();
  const RowState state = maker.MakeRowState(*schema);
  const std::string bytes = Encoded(state);
  const auto decoded = DecodeRowState(bytes, static_cast<uint32_t>(schema->columns.size()), &arena);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(testing::Same(state, *decoded));
  RC_ASSERT(Encoded(*decoded) == bytes);
}

RC_GTEST_PROP(RowStateCodec, EveryHeaderComesBack, (uint64_t seed)) {
  Arena arena;
  testing::Maker maker(seed, &arena);
  const PartitionHeader header = maker.MakeHeader();
  const std::string bytes = Encoded(header);
  const auto decoded = DecodePartitionHeader(bytes, &arena);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(testing::Same(header, *decoded));
  RC_ASSERT(Encoded(*decoded) == bytes);
}

// The bytes of the example in docs/formats/row-state.md.
TEST(RowStateCodec, AnInsertedRowHasTheDocumentedBytes) {
  const std::vector<Cell> cells = {LiveCell(1, "Fargo"), LiveCell(3, std::string_view("\x00\x00\x07\xCC", 4))};
  RowState state;
  state.clustering = {};
  state.liveness.at = WriteTime{kNow};
  state.cells = cells;
  state.revision = 1;
  state.last_emitted = WriteTime{kNow};
  const std::string expected(
      "\x01\x11"                          // version; a marker, and the last change at the base time
      "\xFE\x0C\x88\x26\xCF\xFE\xD4\x80"  // base
      "\x01\x00"                          // revision, no clustering
      "\x00"                              // the marker, at the base
      "\x02"                              // two cells
      "\x04\x01\x05"
      "Fargo"
      "\x04\x01\x04\x00\x00\x07\xCC",
      29);
  EXPECT_EQ(Encoded(state).size(), expected.size());
  EXPECT_EQ(Encoded(state), expected);
}

TEST(RowStateCodec, AStateIsSmall) {
  // Eight columns of one insert, of which two were updated later, one of them with a TTL.
  std::vector<Cell> cells;
  size_t data = 0;
  for (uint16_t i = 2; i < 10; ++i) cells.push_back(LiveCell(i, "twenty bytes of data"));
  for (const Cell& cell : cells) data += cell.value.size();
  cells[3].at = WriteTime{kNow + 3'600'000'000};
  cells[5] = Cell{.column = ColumnId{7},
                  .kind = CellKind::kExpiring,
                  .ttl_s = 86400,
                  .at = WriteTime{kNow + 86'400'000'000},
                  .local_deletion = UnixSeconds{kNow / 1'000'000 + 172'800},
                  .path = {},
                  .value = cells[5].value};
  RowState state;
  state.liveness.at = WriteTime{kNow};
  state.last_emitted = WriteTime{kNow + 86'400'000'000};
  state.revision = 3;
  state.cells = cells;
  // The target is 1.3 times the data and 16 bytes a cell.
  EXPECT_THAT(Encoded(state).size(), Le(data + 8 * 3 + 50));
}

TEST(RowStateCodec, CellsOfOneTtlShareIt) {
  const UnixSeconds expires{kNow / 1'000'000 + 60};
  std::vector<Cell> cells;
  for (uint16_t i = 0; i < 10; ++i) {
    cells.push_back(LiveCell(i, "v"));
    cells.back().kind = CellKind::kExpiring;
    cells.back().ttl_s = 60;
    cells.back().local_deletion = expires;
  }
  RowState state;
  state.liveness = {WriteTime{kNow}, 60, expires};
  state.cells = cells;
  state.last_emitted = WriteTime{kNow};
  EXPECT_THAT(Encoded(state).size(), Le(10u * 3 + 17));
}

TEST(RowStateCodec, WhatMeansNothingIsLeftOut) {
  RowState plain;
  plain.cells = {};
  RowState noisy = plain;
  noisy.deletion.local = UnixSeconds{5};
  noisy.liveness.ttl_s = 5;
  const std::vector<ColumnId> unknown = {ColumnId{1}};
  noisy.unknown = unknown;
  EXPECT_EQ(Encoded(plain), Encoded(noisy));
}

TEST(RowStateCodec, AColumnBeyondTheTableIsRefused) {
  const std::vector<Cell> cells = {LiveCell(4, "v")};
  RowState state;
  state.cells = cells;
  const std::string bytes = Encoded(state);
  Arena arena;
  EXPECT_TRUE(DecodeRowState(bytes, 5, &arena).has_value());
  EXPECT_TRUE(DecodeRowState(bytes, kAnyColumn, &arena).has_value());
  const auto refused = DecodeRowState(bytes, 4, &arena);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(refused.error().message, HasSubstr("column that the table does not have"));
}

TEST(RowStateCodec, TheLastPossibleColumnIsKept) {
  const std::vector<Cell> cells = {LiveCell(65534, "a"), LiveCell(65535, "b")};
  RowState state;
  state.cells = cells;
  Arena arena;
  const std::string bytes = Encoded(state);
  const auto decoded = DecodeRowState(bytes, kAnyColumn, &arena);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_TRUE(testing::Same(state, *decoded));
}

TEST(RowStateCodec, ANewerVersionIsRefusedByName) {
  std::string bytes = Encoded(RowState{});
  bytes[0] = 2;
  Arena arena;
  const auto refused = DecodeRowState(bytes, kAnyColumn, &arena);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("row state: has version 2"));
  bytes[0] = 0;
  EXPECT_EQ(DecodeRowState(bytes, kAnyColumn, &arena).error().code, ErrorCode::kCorrupt);
}

TEST(RowStateCodec, ACountBeyondTheBytesAllocatesNothing) {
  // version, no flags, base 0, revision 0, last_emitted 0, no clustering, 2^62 cells.
  const std::string bytes("\x01\x00\x00\x00\x00\x00\xFF\x40\x00\x00\x00\x00\x00\x00\x00", 15);
  Arena arena(1024);
  const auto refused = DecodeRowState(bytes, kAnyColumn, &arena);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("count exceeds"));
  EXPECT_LE(arena.held_bytes(), 1024u);
}

}  // namespace
}  // namespace braid
