#include "reconcile/state_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/row_state.h"

namespace braid {
namespace {

PartitionRef Partition(ByteView key, int64_t token = 1, uint8_t table = 1) {
  PartitionRef partition;
  partition.table.bytes.fill(table);
  partition.token = Token{token};
  partition.key = key;
  return partition;
}

std::string RowKeyOf(const PartitionRef& partition, const RowRef& row) {
  std::string key;
  AppendRowKey(&key, 7, partition, row);
  return key;
}

TEST(StateRecord, AKeyIsReadBack) {
  Arena arena;
  for (const ByteView key : {ByteView("p"), ByteView(""), ByteView("a\0b\0\0", 5), ByteView("\0\1\0\xff", 4)}) {
    for (const int64_t token : {INT64_MIN, int64_t{-1}, int64_t{0}, INT64_MAX}) {
      const std::string bytes = RowKeyOf(Partition(key, token), {false, ByteView("r\0", 2)});
      const Result<RecordKey> read = ReadRecordKey(bytes, &arena);
      ASSERT_TRUE(read.has_value()) << read.error().message;
      EXPECT_EQ(read->shard, 7u);
      EXPECT_EQ(read->partition.table, Partition(key).table);
      EXPECT_EQ(read->partition.token.value, token);
      EXPECT_EQ(read->partition.key, key);
      EXPECT_EQ(read->kind, RecordKind::kRow);
      EXPECT_EQ(read->rest, ByteView("r\0", 2));
    }
  }
}

TEST(StateRecord, KeysSortByTokenThenPartitionThenRow) {
  const std::vector<std::string> keys = {
      RowKeyOf(Partition("z", -5), {false, "z"}), RowKeyOf(Partition("", 3), {false, "z"}),
      RowKeyOf(Partition("a", 3), {true, {}}),    RowKeyOf(Partition("a", 3), {false, ""}),
      RowKeyOf(Partition("a", 3), {false, "b"}),  RowKeyOf(Partition(ByteView("a\0", 2), 3), {true, {}}),
      RowKeyOf(Partition("aa", 3), {true, {}}),   RowKeyOf(Partition("", INT64_MIN, 2), {true, {}}),
  };
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
}

TEST(StateRecord, ACutKeyIsRefused) {
  Arena arena;
  const std::string key = RowKeyOf(Partition("p\0q"), {true, {}});
  for (size_t size = 0; size < key.size(); ++size) {
    const Result<RecordKey> read = ReadRecordKey(ByteView(key).substr(0, size), &arena);
    ASSERT_FALSE(read.has_value()) << size;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  }
  std::string unknown = key;
  unknown.back() = 9;
  EXPECT_FALSE(ReadRecordKey(unknown, &arena).has_value());
}

TEST(StateRecord, DeltasBecomeRecordsAndTimers) {
  PartitionHeader header;
  header.clock = WriteTime{9};
  RowState row;
  row.revision = 4;
  const RowDelta rows[] = {{{false, "a"}, &row, UnixSeconds{5}, UnixSeconds{6}},
                           {{false, "b"}, nullptr, UnixSeconds{7}, UnixSeconds::Never()},
                           {{true, {}}, &row, UnixSeconds{8}, UnixSeconds{8}}};
  Commit commit;
  commit.shard = 7;
  AppendDelta({Partition("p"), &header, false, rows}, &commit);
  ASSERT_EQ(commit.state.size(), 4u);
  EXPECT_FALSE(commit.state[0].erased);
  EXPECT_EQ(commit.state[1].key, RowKeyOf(Partition("p"), {false, "a"}));
  EXPECT_TRUE(commit.state[2].erased);
  EXPECT_EQ(commit.state[2].value, "");
  ASSERT_EQ(commit.timers.size(), 3u);
  EXPECT_TRUE(commit.timers[0].cancelled);
  EXPECT_EQ(commit.timers[0].due, UnixSeconds{5});
  EXPECT_FALSE(commit.timers[1].cancelled);
  EXPECT_EQ(commit.timers[1].due, UnixSeconds{6});
  EXPECT_TRUE(commit.timers[2].cancelled);
  EXPECT_EQ(commit.timers[2].key, commit.state[2].key);
}

}  // namespace
}  // namespace braid
