#include "pipeline/shard/mark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace braid {
namespace {

ShardMark Full() {
  ShardMark mark;
  mark.commit = 77;
  mark.timeline_end = 123456789;
  mark.nodes.push_back({{0}, {{0}, {1732176000123}, 4711}, {1732176000456789}, false});
  mark.nodes.push_back({{3}, {{3}, {1732176000124}, UINT64_MAX}, WriteTime::None(), true});
  TableId table;
  table.bytes[0] = 7;
  ShardMark::Truncated truncated;
  truncated.count = 2;
  truncated.cuts[{3}] = {2, {{3}, {1732176000124}, 99}};
  mark.truncated[table] = truncated;
  mark.schemas[table] = SchemaId{0xFEDCBA9876543210};
  Gap gap;
  gap.id = 5;
  gap.reason = GapReason::kOverflow;
  gap.node = {3};
  gap.from = {{3}, {1}, 2};
  gap.to = {{3}, {4}, 5};
  gap.table = "vault.titles";
  gap.detail = "cdc_raw was full";
  gap.seen_at = {1732176000456789};
  mark.gaps.push_back(gap);
  mark.snapshots[table] = {.task = 9, .done = false, .next = "there", .known = ""};
  mark.input = {123'456};
  mark.epoch = 1732176000456789;
  mark.hosts = {{{1, 2, 3}, "n1"}, {{4}, ""}};
  mark.changelog = {99};
  mark.restoring = true;
  mark.committed_us = -5;
  return mark;
}

TEST(MarkTest, ComesBackWhole) {
  const auto decoded = DecodeMark(EncodeMark(Full()));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(*decoded, Full());
}

TEST(MarkTest, ANewShardHasNone) {
  const auto decoded = DecodeMark("");
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(*decoded, ShardMark());
  EXPECT_EQ(decoded->timeline_end, 1u);
}

TEST(MarkTest, RefusesEveryCutAndEveryByteTooMany) {
  const std::string bytes = EncodeMark(Full());
  for (size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeMark(ByteView(bytes).substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(DecodeMark(bytes + "x").has_value());
}

TEST(MarkTest, ReadsTheVersionBefore) {
  ShardMark mark = Full();
  mark.input = {};
  mark.epoch = 0;
  mark.hosts.clear();
  mark.changelog = {};
  mark.restoring = false;
  mark.committed_us = 0;
  std::string bytes = EncodeMark(mark);
  bytes.resize(bytes.size() - 6);  // what came with version 3, all of it 0
  bytes[4] = 2;
  const auto decoded = DecodeMark(bytes);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(*decoded, mark);
}

TEST(MarkTest, RefusesANewerVersionByName) {
  std::string bytes = EncodeMark(Full());
  bytes[4] = 4;
  const auto decoded = DecodeMark(bytes);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(decoded.error().message, testing::HasSubstr("shard mark"));
}

}  // namespace
}  // namespace braid
