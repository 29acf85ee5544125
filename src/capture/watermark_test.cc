// The watermark says up to when a node's log was given. It may be late, but never too early.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "capture/capture_test_util.h"
#include "capture/look_ahead.h"
#include "capture/node_capture.h"

namespace braid {
namespace {

constexpr int64_t kStartUs = 1'000'000 * kSecondUs;

class WatermarkTest : public ::testing::Test {
 protected:
  WatermarkTest() {
    options_.files = node_.files();
    options_.cdc_space_bytes = uint64_t{1} << 30;
  }
  void Open() { capture_ = NodeCapture::Open(PosixFileSystem(), &schemas_, options_).value(); }
  int64_t Step(int64_t now_us) {
    now_us_ = now_us;
    if (capture_ == nullptr) Open();
    EXPECT_TRUE(capture_->Step(now_us, 64 << 20, &sink_).has_value());
    return capture_->stats().watermark.us;
  }
  // The node has been seen to map its segments.
  int64_t StepWhenMapped(SegmentForTest* segment) {
    for (int i = 0; i < 8; ++i) {
      segment->Write(SystemWrite());
      Step(now_us_ + kSecondUs);
      if (i % 2 == 1) segment->Mark();
    }
    return Step(now_us_ + kSecondUs);
  }
  static void SetTime(const fs::path& path, int64_t us) {
    const timespec times[2] = {{us / kSecondUs, us % kSecondUs * 1000}, {us / kSecondUs, us % kSecondUs * 1000}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  NodeForTest node_;
  SchemasForTest schemas_;
  NodeCapture::Options options_;
  SinkForTest sink_;
  int64_t now_us_ = kStartUs;
  std::unique_ptr<NodeCapture> capture_;
};

TEST_F(WatermarkTest, IsTheClockWhileNothingIsUnread) {
  SegmentForTest segment(&node_, 100);
  EXPECT_EQ(StepWhenMapped(&segment), now_us_);
  segment.Write(SystemWrite());
  Step(now_us_ + kSecondUs);
  EXPECT_EQ(capture_->stats().watermark.us, now_us_) << "what is not of a captured table does not hold it";
}

TEST_F(WatermarkTest, StaysBeforeAWriteThatIsNotSynced) {
  SegmentForTest segment(&node_, 100);
  const int64_t before = StepWhenMapped(&segment);
  segment.Write(Film(1));
  EXPECT_EQ(Step(now_us_ + kSecondUs), before);
  const int64_t seen_us = now_us_;
  segment.Write(Film(2));
  EXPECT_EQ(Step(now_us_ + kSecondUs), before);
  segment.WriteIndex("100000");  // only the first: an offset is what it is
  segment.WriteIndex(std::to_string(28 + 8 * 4 + 8 * (SystemWrite().size() + 12) + Film(1).size() + 12));
  EXPECT_EQ(Step(now_us_ + kSecondUs), before) << "no marker stands there yet, so nothing was given";
  segment.Mark();
  segment.WriteIndex(std::to_string(segment.logical_end()));
  EXPECT_EQ(Step(now_us_ + kSecondUs), now_us_);
  EXPECT_GT(now_us_, seen_us);
  EXPECT_EQ(sink_.films.size(), 2u);
}

TEST_F(WatermarkTest, FollowsASteadyStreamOfWrites) {
  SegmentForTest segment(&node_, 100);
  StepWhenMapped(&segment);
  for (int i = 0; i < 20; ++i) {
    segment.Write(Film(2 * i));
    const int64_t seen_us = now_us_ + kSecondUs;
    Step(seen_us);
    segment.Sync();
    segment.Write(Film(2 * i + 1));  // there is always one that is not synced
    EXPECT_EQ(Step(now_us_ + kSecondUs), seen_us);
  }
}

TEST_F(WatermarkTest, StaysBeforeWritesInANewerSegment) {
  SegmentForTest segment(&node_, 100);
  SegmentForTest next(&node_, 101);
  const int64_t before = StepWhenMapped(&segment);
  next.Write(Film(1));
  EXPECT_EQ(Step(now_us_ + kSecondUs), before);
  segment.Mark();
  next.Mark();
  EXPECT_EQ(Step(now_us_ + kSecondUs), before);
  next.Sync();
  EXPECT_GT(Step(now_us_ + kSecondUs), before);
  EXPECT_EQ(sink_.films.size(), 1u);
}

TEST_F(WatermarkTest, StaysWhereAnUnfinishedEntryHidesOthers) {
  for (const NodeCapture::Tail tail : {NodeCapture::Tail::kSynced, NodeCapture::Tail::kLive}) {
    NodeForTest node;
    options_.files = node.files();
    options_.tail = tail;
    capture_.reset();
    sink_ = SinkForTest();
    SegmentForTest segment(&node, 100);
    const int64_t before = StepWhenMapped(&segment);
    const uint64_t begin = segment.Write(SystemWrite());
    const uint64_t end = segment.Write(Film(1));
    const std::string whole = segment.bytes();
    segment.bytes().replace(begin - 12, 12, 12, '\0');
    const uint64_t hole = begin - SystemWrite().size() - 12;
    segment.bytes().replace(hole, 8, 8, '\0');
    segment.Flush();
    EXPECT_EQ(Step(now_us_ + kSecondUs), before) << end;
  }
}

TEST_F(WatermarkTest, IsHeldByAnUnknownTable) {
  SegmentForTest segment(&node_, 100);
  const int64_t before = StepWhenMapped(&segment);
  segment.Write(RowBytes().Vint(1).Raw(OtherPart("nobody-knows-it!")).bytes());
  segment.Sync();
  EXPECT_EQ(Step(now_us_ + kSecondUs), before);
  EXPECT_EQ(Step(now_us_ + 20 * kSecondUs), before);
  EXPECT_EQ(Step(now_us_ + 20 * kSecondUs), now_us_);
}

TEST_F(WatermarkTest, LagsWhereNothingIsSeenBeforeItIsSynced) {
  SegmentForTest segment(&node_, 100, Compression::kLz4);
  EXPECT_EQ(Step(now_us_), kStartUs - options_.sync_slack_us);
  segment.Write(Film(1));
  segment.Sync();
  SetTime(segment.index(), kStartUs + 10 * kSecondUs);
  SetTime(segment.original(), kStartUs + 9 * kSecondUs);
  EXPECT_EQ(Step(kStartUs + 11 * kSecondUs), kStartUs + 8 * kSecondUs) << "a second before the older of both";
  EXPECT_EQ(Step(kStartUs + 20 * kSecondUs), kStartUs + 8 * kSecondUs);
  EXPECT_EQ(Step(kStartUs + 100 * kSecondUs), kStartUs + 100 * kSecondUs - options_.sync_slack_us);
  EXPECT_EQ(Step(kStartUs + 50 * kSecondUs), kStartUs + 100 * kSecondUs - options_.sync_slack_us) << "never back";
}

TEST_F(WatermarkTest, DoesNotTrustThatAPlainSegmentIsMapped) {
  // With direct I/O a plain segment looks the same, and changes at syncs only.
  SegmentForTest segment(&node_, 100);
  EXPECT_EQ(Step(now_us_), kStartUs - options_.sync_slack_us);
  for (int i = 1; i < 9; ++i) {
    segment.Write(SystemWrite());
    segment.Write(SystemWrite());
    // Half of the time the marker's page is read before the sync, and those behind it after.
    if (i % 2 == 0) Step(now_us_ + kSecondUs);
    segment.Mark();
    const int64_t watermark = Step(now_us_ + kSecondUs);
    EXPECT_EQ(watermark, now_us_ - options_.sync_slack_us);
  }
}

TEST_F(WatermarkTest, IsTheClockWhenLiveHasGivenAll) {
  options_.tail = NodeCapture::Tail::kLive;
  SegmentForTest segment(&node_, 100);
  EXPECT_EQ(StepWhenMapped(&segment), now_us_);
  segment.Write(Film(1));
  EXPECT_EQ(Step(now_us_ + 1000), now_us_);
  EXPECT_EQ(sink_.films.size(), 1u);
}

// A node that writes, syncs and rolls at random: nothing that was logged before the watermark is ever missing.
TEST_F(WatermarkTest, NeverPassesWhatWasNotGiven) {
  for (uint32_t seed = 0; seed < 24; ++seed) {
    std::mt19937 random(seed);
    SCOPED_TRACE(seed);
    NodeForTest node;
    options_.files = node.files();
    options_.tail = seed % 2 == 0 ? NodeCapture::Tail::kSynced : NodeCapture::Tail::kLive;
    capture_.reset();
    sink_ = SinkForTest();
    const auto compression = seed % 3 == 2 ? std::optional(Compression::kLz4) : std::nullopt;
    options_.sync_slack_us = compression ? 60 * kSecondUs : 30 * kSecondUs;
    std::vector<int64_t> logged_at;  // of film i
    int64_t id = 100;
    auto segment = std::make_unique<SegmentForTest>(&node, id, compression);
    auto spare = std::make_unique<SegmentForTest>(&node, ++id, compression);
    int in_segment = 0;
    int64_t synced_us = kStartUs;
    for (int i = 0; i < 400; ++i) {
      now_us_ += 1 + static_cast<int64_t>(random() % 200'000);
      // Cassandra syncs at least every ten seconds.
      const uint32_t what = now_us_ > synced_us + 10 * kSecondUs ? 4 : random() % 10;
      if (what < 3) {
        segment->Write(Film(static_cast<int32_t>(logged_at.size())));
        logged_at.push_back(now_us_);
        ++in_segment;
      } else if (what == 3) {
        segment->Write(SystemWrite());
        ++in_segment;
      } else if (what == 4) {
        segment->Sync();
        SetTime(segment->index(), now_us_ + 500'000);
        SetTime(segment->original(), now_us_ + 300'000);
        synced_us = now_us_;
        // What is logged while it goes on is not in it, though the files' times are later.
        segment->Write(Film(static_cast<int32_t>(logged_at.size())));
        logged_at.push_back(now_us_ + 100'000);
        now_us_ += 500'000;
      } else if (what == 5 && in_segment > 20) {
        segment->Complete();
        SetTime(segment->index(), now_us_);
        segment = std::move(spare);
        spare = std::make_unique<SegmentForTest>(&node, ++id, compression);
        in_segment = 0;
      } else {
        const int64_t watermark = Step(now_us_);
        ASSERT_LE(watermark, now_us_);
        const size_t given = sink_.films.size();
        ASSERT_TRUE(given == logged_at.size() || watermark <= logged_at[given]);
      }
    }
    segment->Sync();
    Step(now_us_ + kSecondUs);
    EXPECT_EQ(sink_.films.size(), logged_at.size());
    EXPECT_GT(capture_->stats().watermark.us, now_us_ - (compression ? 90 : 40) * kSecondUs);
  }
}

}  // namespace
}  // namespace braid
