// Damaged segments, and a cdc_raw that is nearly full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "capture/capture_test_util.h"
#include "capture/node_capture.h"

namespace braid {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using NodeCaptureDamage = NodeCaptureFixture;

TEST_F(NodeCaptureDamage, StopsAtDamageAndGoesOnWhenItIsMended) {
  SegmentForTest segment(&node_, 100);
  const uint64_t before = segment.Write(Film(1));
  const uint64_t end = segment.Write(Film(2));
  segment.Write(Film(3));
  segment.Complete();
  segment.bytes()[end - 6] ^= 1;
  segment.Flush();
  for (int i = 0; i < 3; ++i) {
    const Status status = Run();
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(status.error().message, AllOf(HasSubstr(segment.link().string()),
                                              HasSubstr("offset " + std::to_string(before)), HasSubstr("skip")));
    now_us_ += 2 * kSecondUs;
  }
  EXPECT_EQ(capture_->stats().corrupt, 1u);
  EXPECT_THAT(std::exchange(sink_.films, {}), ElementsAre(1));
  EXPECT_LE(capture_->stats().position, At(100, before));
  segment.bytes()[end - 6] ^= 1;
  segment.Flush();
  EXPECT_THAT(Films(), ElementsAre(2, 3));
}

TEST_F(NodeCaptureDamage, SkipsDamageWithAGap) {
  options_.on_corruption = NodeCapture::OnCorruption::kSkip;
  for (const bool completed : {true, false}) {
    NodeForTest node;
    Follow(node);
    SegmentForTest segment(&node, 100);
    const uint64_t before = segment.Write(Film(1));
    const uint64_t end = segment.Write(Film(2));
    segment.Write(Film(3));
    segment.Sync(completed);
    segment.bytes()[end - 6] ^= 1;
    segment.Flush();
    EXPECT_THAT(FilmsInTheEnd(), ElementsAre(1, 3));
    ASSERT_EQ(sink_.gaps.size(), 1u);
    EXPECT_EQ(sink_.gaps[0].reason, GapReason::kCorrupt);
    EXPECT_EQ(sink_.gaps[0].from, At(100, before));
    EXPECT_EQ(sink_.gaps[0].to, At(100, end));
    EXPECT_EQ(capture_->stats().corrupt, 1u);
  }
}

TEST_F(NodeCaptureDamage, LooksTwiceAtDamageInASegmentThatIsBeingWritten) {
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  const uint64_t end = segment.Write(Film(2));
  segment.Sync();
  segment.bytes()[end - 6] ^= 1;
  segment.Flush();
  EXPECT_THAT(Films(), ElementsAre(1));
  segment.bytes()[end - 6] ^= 1;
  segment.Flush();
  now_us_ += kSecondUs;
  EXPECT_THAT(Films(), ElementsAre(2));
  EXPECT_EQ(capture_->stats().corrupt, 0u);
}

TEST_F(NodeCaptureDamage, TakesAnEntryThatDoesNotParseForDamage) {
  options_.on_corruption = NodeCapture::OnCorruption::kSkip;
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  segment.Write(Film(2) + "behind");
  segment.Write(Film(3));
  segment.Complete();
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(1, 3));
  ASSERT_EQ(sink_.gaps.size(), 1u);
  EXPECT_THAT(sink_.gaps[0].detail, HasSubstr("ks.films"));
}

TEST_F(NodeCaptureDamage, MissesWhatTheIndexSaysWasSynced) {
  options_.on_corruption = NodeCapture::OnCorruption::kSkip;
  for (const auto& compression : {std::optional<Compression>(), std::optional(Compression::kZstd)}) {
    NodeForTest node;
    Follow(node);
    SegmentForTest segment(&node, 100, compression);
    segment.Write(Film(1));
    segment.Sync();
    const size_t size = segment.bytes().size();
    segment.Write(Film(2));
    segment.Complete();
    // A copy that was cut off.
    fs::resize_file(segment.original(), compression ? size : segment.logical_end() - Film(2).size() - 12);
    EXPECT_THAT(FilmsInTheEnd(), ElementsAre(1));
    ASSERT_EQ(sink_.gaps.size(), 1u);
    EXPECT_EQ(sink_.gaps[0].to, At(100, kSegmentEnd));
    EXPECT_THAT(sink_.gaps[0].detail, HasSubstr("synced up to"));
  }
}

TEST_F(NodeCaptureDamage, RefusesAnEncryptedLog) {
  std::ofstream(node_.cdc_raw() / "CommitLog-7-100.log")
      << SegmentBuilder(7, 100, R"({"encCipher":"AES/CBC/PKCS5Padding","encIV":"00"})").Bytes();
  const Status status = Run();
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
}

// --- space ---

class NodeCaptureSpace : public NodeCaptureFixture {
 protected:
  // Ten segments that are read to nothing, and an active one.
  void Fill() {
    for (int i = 0; i < 10; ++i) {
      segments_.push_back(std::make_unique<SegmentForTest>(&node_, 100 + i));
      segments_.back()->Write(Film(i));
      segments_.back()->Complete();
    }
    segments_.push_back(std::make_unique<SegmentForTest>(&node_, 110));
    segments_.back()->Write(Film(10));
    segments_.back()->Sync();
  }
  // The pipeline takes nothing for a while.
  void Stall() {
    if (capture_ == nullptr) Open();
    for (int i = 0; i < 3; ++i) {
      now_us_ += kSecondUs;
      ASSERT_TRUE(capture_->Step(now_us_, 0, &sink_).has_value());
    }
  }
  std::vector<std::unique_ptr<SegmentForTest>> segments_;
};

TEST_F(NodeCaptureSpace, LetsTheOldestGoWithGaps) {
  Fill();
  options_.cdc_space_bytes = 8 * SegmentForTest::kBytes;
  Stall();
  ASSERT_EQ(sink_.gaps.size(), 4u);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(sink_.gaps[static_cast<size_t>(i)].reason, GapReason::kOverflow);
    EXPECT_EQ(sink_.gaps[static_cast<size_t>(i)].to, At(100 + i, kSegmentEnd));
    EXPECT_FALSE(fs::exists(segments_[static_cast<size_t>(i)]->link()));
    EXPECT_FALSE(fs::exists(segments_[static_cast<size_t>(i)]->index()));
    EXPECT_TRUE(fs::exists(segments_[static_cast<size_t>(i)]->original()));
  }
  EXPECT_EQ(sink_.gaps[1].from, At(100, kSegmentEnd));
  EXPECT_THAT(sink_.gaps[0].detail, AllOf(HasSubstr("n1"), HasSubstr("segment 100"), HasSubstr("backfill")));
  EXPECT_THAT(alarms_[0], HasSubstr("cdc_total_space"));
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(4, 5, 6, 7, 8, 9, 10));
  EXPECT_EQ(sink_.gaps.size(), 4u);
}

TEST_F(NodeCaptureSpace, ReadsWhatItCanBeforeItLetsGo) {
  Fill();
  options_.cdc_space_bytes = 8 * SegmentForTest::kBytes;
  EXPECT_EQ(Films().size(), 11u);
  now_us_ += kSecondUs;
  Films();
  EXPECT_THAT(sink_.gaps, IsEmpty());
  EXPECT_EQ(node_.Names().size(), 22u) << "what was given and is not durable yet is kept";
  EXPECT_EQ(alarms_.size(), 2u);
}

TEST_F(NodeCaptureSpace, TellsOfTheUnreadPartOnly) {
  options_.cdc_space_bytes = 3 * SegmentForTest::kBytes;
  SegmentForTest first(&node_, 100);
  for (int i = 0; i < 20; ++i) first.Write(Film(i));
  first.Sync();
  Open();
  ASSERT_TRUE(capture_->Step(now_us_, 500, &sink_).value());
  const Position read = sink_.progress.position;
  first.Complete();
  SegmentForTest second(&node_, 101);
  second.Write(Film(100));
  second.Sync();
  SegmentForTest spare(&node_, 102);
  Stall();
  ASSERT_EQ(sink_.gaps.size(), 1u);
  EXPECT_EQ(sink_.gaps[0].from, read);
  EXPECT_EQ(sink_.gaps[0].to, At(100, kSegmentEnd));
  EXPECT_THAT(sink_.gaps[0].detail, HasSubstr("behind offset " + std::to_string(read.offset)));
  EXPECT_EQ(Films().back(), 100);
}

TEST_F(NodeCaptureSpace, KeepsEverythingIfItIsToldTo) {
  Fill();
  options_.cdc_space_bytes = 8 * SegmentForTest::kBytes;
  options_.on_overflow = NodeCapture::OnOverflow::kBlock;
  Stall();
  EXPECT_EQ(node_.Names().size(), 22u);
  EXPECT_THAT(sink_.gaps, IsEmpty());
  EXPECT_THAT(alarms_.back(), HasSubstr("refuse writes"));
}

TEST_F(NodeCaptureSpace, NeverLetsTheActiveSegmentGo) {
  options_.cdc_space_bytes = SegmentForTest::kBytes / 2;
  SegmentForTest active(&node_, 100);
  active.Write(Film(1));
  active.Sync();
  SegmentForTest spare(&node_, 101);
  Stall();
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(1));
  EXPECT_THAT(sink_.gaps, IsEmpty());
  EXPECT_EQ(node_.Names().size(), 3u);
}

TEST_F(NodeCaptureSpace, LetsNothingGoBeforeItsGapIsTaken) {
  Fill();
  options_.cdc_space_bytes = 8 * SegmentForTest::kBytes;
  sink_.refuse_every = 1;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(Run().has_value());
  EXPECT_EQ(node_.Names().size(), 22u);
  sink_.refuse_every = 0;
  Stall();
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(4, 5, 6, 7, 8, 9, 10));
}

// Our own disk is full, so that no gap becomes durable, and the process dies.
TEST_F(NodeCaptureSpace, ANewProcessTellsAgainWhatWasLetGo) {
  const fs::path record = node_.cdc_raw().parent_path() / "let-go" / "3";
  options_.let_go_path = record;
  Fill();
  options_.cdc_space_bytes = 8 * SegmentForTest::kBytes;
  Stall();
  ASSERT_EQ(sink_.gaps.size(), 4u);
  const std::vector<Gap> told = sink_.gaps;
  capture_.reset();
  sink_ = SinkForTest();
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(4, 5, 6, 7, 8, 9, 10));
  ASSERT_EQ(sink_.gaps.size(), 1u);
  EXPECT_EQ(sink_.gaps[0].reason, GapReason::kOverflow);
  EXPECT_EQ(sink_.gaps[0].from, told[0].from);
  EXPECT_EQ(sink_.gaps[0].to, told[3].to);
  EXPECT_THAT(sink_.gaps[0].detail, AllOf(HasSubstr("segment 103"), HasSubstr("from segment 100 on")));

  ASSERT_TRUE(capture_->Release(At(103, kSegmentEnd)).has_value());
  capture_.reset();
  sink_ = SinkForTest();
  EXPECT_EQ(FilmsInTheEnd().size(), 7u);
  EXPECT_THAT(sink_.gaps, IsEmpty()) << "it was durable";
  EXPECT_EQ(fs::file_size(record), 4096u);
}

TEST_F(NodeCaptureSpace, CountsCompressedSegmentsAtTheirFullSize) {
  std::vector<std::unique_ptr<SegmentForTest>> segments;
  for (int i = 0; i < 4; ++i) {
    segments.push_back(std::make_unique<SegmentForTest>(&node_, 100 + i, Compression::kLz4));
    for (int j = 0; j < 100; ++j) segments.back()->Write(Film(j));
    segments.back()->Complete();
  }
  Films();
  now_us_ += kSecondUs;
  Films();
  EXPECT_EQ(capture_->stats().cdc_raw_bytes, 4 * segments[0]->logical_end());
}

}  // namespace
}  // namespace braid
