#include "codec/gap.h"

#include <gmock/gmock.h>

#include "base/testing.h"

namespace braid {
namespace {

using ::testing::HasSubstr;

Gap SomeGap() {
  return {.id = 7,
          .open = true,
          .reason = GapReason::kOverflow,
          .node = NodeIndex{2},
          .from = {NodeIndex{2}, SegmentId{1'763'700'000'000}, 77},
          .to = {NodeIndex{2}, SegmentId{1'763'700'000'001}, 33'554'432},
          .table = "vault.titles",
          .detail = "cdc_raw is full",
          .seen_at = WriteTime{1'763'700'000'123'456}};
}

TEST(GapTest, ComesBack) {
  Gap closed = SomeGap();
  closed.open = false;
  closed.reason = GapReason::kRetired;
  closed.table.clear();
  closed.seen_at = WriteTime::None();
  for (const Gap& gap : {SomeGap(), closed, Gap{}}) {
    std::string bytes;
    AppendGap(&bytes, gap);
    const Result<Gap> back = DecodeGap(bytes);
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, gap);
  }
}

TEST(GapTest, HasOneForm) {
  std::string bytes;
  AppendGap(&bytes, {.id = 1, .open = false, .reason = GapReason::kLostSegment, .table = "k.t", .seen_at = {-1}});
  EXPECT_EQ(bytes, FromHex("01"
                           "01"
                           "01"
                           "00"
                           "000000"
                           "000000"
                           "036b2e74"
                           "00"
                           "01"));
}

TEST(GapTest, RefusesDamage) {
  std::string bytes;
  AppendGap(&bytes, SomeGap());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeGap(ByteView(bytes).substr(0, size)).error().code, ErrorCode::kCorrupt) << size;
  }
  EXPECT_EQ(DecodeGap(bytes + "x").error().code, ErrorCode::kCorrupt);
  std::string changed = bytes;
  changed[0] = 2;
  EXPECT_EQ(DecodeGap(changed).error().code, ErrorCode::kUnsupported);
  changed = bytes;
  changed[2] = 6;
  EXPECT_THAT(DecodeGap(changed).error().message, HasSubstr("no such reason"));
}

}  // namespace
}  // namespace braid
