// What nodes, people and disks do to cdc_raw: each case of docs/formats/cdc.md.
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

constexpr uint64_t kMuch = 64 << 20;

class NodeCaptureCases : public ::testing::Test {
 protected:
  NodeCaptureCases() {
    options_.files = node_.files();
    options_.node = {3};
    options_.cdc_space_bytes = uint64_t{1} << 30;
    options_.log = [this](bool alarm, const std::string& message) { (alarm ? alarms_ : lines_).push_back(message); };
  }

  void Open() { capture_ = NodeCapture::Open(PosixFileSystem(), &schemas_, options_).value(); }
  void Reopen(const Position& from) {
    options_.resume = from;
    sink_ = SinkForTest();
    Open();
  }
  Status Run() {
    if (capture_ == nullptr) Open();
    while (true) {
      now_us_ += 1000;
      ASSIGN_OR_RETURN(const bool more, capture_->Step(now_us_, kMuch, &sink_));
      if (!more) return {};
    }
  }
  std::vector<int32_t> Films() {
    const Status status = Run();
    EXPECT_TRUE(status.has_value()) << (status ? "" : status.error().message);
    return std::exchange(sink_.films, {});
  }
  // Twice, with time for second thoughts between.
  std::vector<int32_t> FilmsInTheEnd() {
    std::vector<int32_t> films = Films();
    for (int i = 0; i < 3; ++i) {
      now_us_ += 2 * kSecondUs;
      for (const int32_t film : Films()) films.push_back(film);
    }
    return films;
  }
  Position At(int64_t segment, uint64_t offset) const { return {options_.node, {segment}, offset}; }

  NodeForTest node_;
  SchemasForTest schemas_;
  NodeCapture::Options options_;
  SinkForTest sink_;
  int64_t now_us_ = 1'000'000 * kSecondUs;
  std::vector<std::string> lines_;
  std::vector<std::string> alarms_;
  std::unique_ptr<NodeCapture> capture_;
};

// --- when a segment is finished ---

TEST_F(NodeCaptureCases, ReadsASegmentToItsEndOnceANewerOneIsSynced) {
  SegmentForTest stuck(&node_, 100);
  stuck.Write(Film(1));
  stuck.Sync();
  stuck.Write(Film(2));
  stuck.Mark();
  EXPECT_THAT(Films(), ElementsAre(1)) << "its index is stuck, as after a crash";
  SegmentForTest next(&node_, 101);
  EXPECT_THAT(Films(), IsEmpty()) << "a spare says nothing";
  next.Write(Film(3));
  EXPECT_THAT(Films(), IsEmpty()) << "nor does what is not synced";
  next.Sync();
  EXPECT_THAT(Films(), ElementsAre(2, 3));
  EXPECT_THAT(sink_.gaps, IsEmpty());
}

TEST_F(NodeCaptureCases, TakesANewerMarkerForASyncToo) {
  // The newer segment has nothing of a captured table, so it has no index.
  SegmentForTest stuck(&node_, 100);
  stuck.Write(Film(1));
  stuck.Mark();
  SegmentForTest next(&node_, 101);
  next.Write(SystemWrite());
  next.Mark();
  EXPECT_THAT(Films(), ElementsAre(1));
  EXPECT_EQ(capture_->stats().position, At(100, kSegmentEnd));
}

TEST_F(NodeCaptureCases, ReadsASegmentToItsEndOnceItsOriginalIsGone) {
  SegmentForTest stuck(&node_, 100);
  SegmentForTest spare(&node_, 101);
  stuck.Write(Film(1));
  stuck.Sync();
  stuck.Write(Film(2));
  stuck.Mark();
  EXPECT_THAT(Films(), ElementsAre(1));
  stuck.Unlink();
  EXPECT_THAT(Films(), ElementsAre(2));
  EXPECT_EQ(sink_.progress.position, At(100, kSegmentEnd));
}

TEST_F(NodeCaptureCases, TakesAnEmptyCommitlogDirectoryForOneThatIsAway) {
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  segment.Sync();
  segment.Unlink();
  EXPECT_THAT(Films(), ElementsAre(1));
  EXPECT_NE(sink_.progress.position.offset, kSegmentEnd);
}

TEST_F(NodeCaptureCases, IgnoresTheNumberOfACompletedIndex) {
  // After a crash Cassandra writes the file's physical size there.
  for (const auto& compression : {std::optional<Compression>(), std::optional(Compression::kLz4)}) {
    NodeForTest node;
    options_.files = node.files();
    capture_.reset();
    SegmentForTest segment(&node, 100, compression);
    segment.Write(Film(1));
    segment.Sync();
    segment.Write(Film(2));
    segment.Mark();
    segment.WriteIndex(std::to_string(segment.bytes().size()) + "\nCOMPLETED");
    EXPECT_THAT(FilmsInTheEnd(), ElementsAre(1, 2));
    EXPECT_EQ(sink_.progress.position, At(100, kSegmentEnd));
    EXPECT_THAT(sink_.gaps, IsEmpty());
    sink_ = SinkForTest();
  }
}

TEST_F(NodeCaptureCases, DoesNotGiveWhatACrashedNodeNeverSynced) {
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  segment.Mark();
  segment.Write(Film(2));
  segment.WriteIndex("16384\nCOMPLETED");
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(1)) << "Cassandra does not replay it either";
  EXPECT_THAT(sink_.gaps, IsEmpty());
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("no sync marker covers")));
}

TEST_F(NodeCaptureCases, PassesASegmentThatWasNeverUsed) {
  SegmentForTest unused(&node_, 100);
  unused.bytes().assign(SegmentForTest::kBytes, '\0');  // not even a header
  unused.Flush();
  EXPECT_THAT(Films(), IsEmpty());
  SegmentForTest next(&node_, 200);
  next.Write(Film(1));
  next.Sync();
  EXPECT_THAT(Films(), ElementsAre(1));
}

TEST_F(NodeCaptureCases, WaitsForAHeader) {
  SegmentForTest segment(&node_, 100);
  const std::string whole = segment.bytes();
  segment.bytes().replace(8, 12, 12, '\0');
  segment.Flush();
  EXPECT_THAT(Films(), IsEmpty());
  segment.bytes() = whole;
  segment.Write(Film(1));
  segment.Sync();
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(1));
}

// --- links that come, go and come again ---

TEST_F(NodeCaptureCases, TakesALinkThatIsMadeLate) {
  // While cdc_raw was full the segment had no link; its spare was linked when space was there again.
  SegmentForTest first(&node_, 99);
  first.Write(Film(1));
  first.Complete();
  SegmentForTest late(&node_, 100, std::nullopt, /*linked=*/false);
  SegmentForTest spare(&node_, 101);
  late.Write(SystemWrite());
  EXPECT_THAT(Films(), ElementsAre(1));
  late.Link();
  late.Write(Film(2));
  late.Sync();
  EXPECT_THAT(Films(), ElementsAre(2));
  late.Write(Film(3));
  late.Complete();
  spare.Write(Film(4));
  spare.Sync();
  EXPECT_THAT(Films(), ElementsAre(3, 4));
}

TEST_F(NodeCaptureCases, RemovesASegmentThatIsLinkedAgain) {
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  segment.Complete();
  SegmentForTest next(&node_, 101);
  next.Write(Film(2));
  next.Sync();
  EXPECT_THAT(Films(), ElementsAre(1, 2));
  ASSERT_TRUE(capture_->Release(sink_.progress.position).has_value());
  EXPECT_THAT(node_.Names(), ElementsAre(next.name(), next.index_name()));
  // The node crashed before it had flushed, and replays.
  segment.Link();
  segment.WriteIndex("16384\nCOMPLETED");
  EXPECT_THAT(Films(), IsEmpty());
  EXPECT_THAT(node_.Names(), ElementsAre(next.name(), next.index_name()));
  // The same after a restart of our own.
  segment.Link();
  segment.WriteIndex("16384\nCOMPLETED");
  Reopen(sink_.progress.position);
  EXPECT_THAT(Films(), IsEmpty());
  EXPECT_THAT(node_.Names(), ElementsAre(next.name(), next.index_name()));
  EXPECT_TRUE(fs::exists(segment.original())) << "what is in commitlog is never touched";
}

TEST_F(NodeCaptureCases, FollowsALogWithoutItsLinkInTheCommitlogDirectory) {
  // cdc_block_writes was turned off while the segment had no link: the index comes all the same.
  SegmentForTest segment(&node_, 100, std::nullopt, /*linked=*/false);
  segment.Write(Film(1));
  segment.Sync();
  EXPECT_THAT(Films(), ElementsAre(1));
  segment.Write(Film(2));
  segment.Complete();
  EXPECT_THAT(Films(), ElementsAre(2));
  ASSERT_TRUE(capture_->Release(sink_.progress.position).has_value());
  EXPECT_THAT(node_.Names(), IsEmpty());
  EXPECT_TRUE(fs::exists(segment.original()));
}

TEST_F(NodeCaptureCases, TellsOfAnIndexWithoutALog) {
  SegmentForTest lost(&node_, 100);
  lost.Write(Film(1));
  lost.Complete();
  fs::remove(lost.link());
  lost.Unlink();
  SegmentForTest next(&node_, 101);
  next.Write(Film(2));
  next.Sync();
  EXPECT_THAT(Films(), IsEmpty()) << "it is looked for a while first";
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(2));
  ASSERT_EQ(sink_.gaps.size(), 1u);
  EXPECT_EQ(sink_.gaps[0].reason, GapReason::kLostSegment);
  EXPECT_EQ(sink_.gaps[0].to, At(100, kSegmentEnd));
  EXPECT_THAT(sink_.gaps[0].detail, AllOf(HasSubstr("n1"), HasSubstr("100"), HasSubstr("backfill")));
  ASSERT_TRUE(capture_->Release(sink_.progress.position).has_value());
  EXPECT_THAT(node_.Names(), ElementsAre(next.name(), next.index_name()));
}

TEST_F(NodeCaptureCases, TellsOfASegmentThatVanishesBeforeItIsRead) {
  options_.files = node_.files();
  std::vector<std::unique_ptr<SegmentForTest>> segments;
  for (int i = 0; i < 9; ++i) {
    segments.push_back(std::make_unique<SegmentForTest>(&node_, 100 + i));
    segments.back()->Write(Film(i));
    segments.back()->Complete();
  }
  Open();
  ASSERT_TRUE(capture_->Step(now_us_, 1, &sink_).value());
  // All at once; the first few are open by then, and stay readable.
  segments[1]->Discard();
  segments[7]->Discard();
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(0, 1, 2, 3, 4, 5, 6, 8));
  ASSERT_EQ(sink_.gaps.size(), 1u);
  EXPECT_EQ(sink_.gaps[0].reason, GapReason::kLostSegment);
  EXPECT_EQ(sink_.gaps[0].from, At(106, kSegmentEnd));
  EXPECT_EQ(sink_.gaps[0].to, At(107, kSegmentEnd));
}

TEST_F(NodeCaptureCases, MissesNoSegmentThatNeverHeldAnythingOfOurs) {
  SegmentForTest first(&node_, 100);
  first.Write(Film(1));
  first.Complete();
  EXPECT_THAT(Films(), ElementsAre(1));
  {
    SegmentForTest quiet(&node_, 101);
    quiet.Write(SystemWrite());
    quiet.Mark();
    EXPECT_THAT(Films(), IsEmpty());
    quiet.Discard();
  }
  SegmentForTest next(&node_, 105);
  next.Write(Film(2));
  next.Sync();
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(2));
  EXPECT_THAT(sink_.gaps, IsEmpty());
}

TEST_F(NodeCaptureCases, MissesNoSegmentInWhichALiveReaderStood) {
  options_.tail = NodeCapture::Tail::kLive;
  SegmentForTest first(&node_, 100);
  first.Write(Film(1));
  first.Complete();
  SegmentForTest quiet(&node_, 101);
  quiet.Write(SystemWrite());
  EXPECT_THAT(Films(), ElementsAre(1));
  const Position committed = sink_.progress.position;
  EXPECT_EQ(committed, At(100, kSegmentEnd));
  capture_.reset();
  quiet.Discard();
  SegmentForTest next(&node_, 102);
  next.Write(Film(2));
  Reopen(committed);
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(2));
  EXPECT_THAT(sink_.gaps, IsEmpty());
}

TEST_F(NodeCaptureCases, TellsOfASegmentThatVanishedWhileNobodyLooked) {
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  segment.Sync();
  EXPECT_THAT(Films(), ElementsAre(1));
  const Position committed = sink_.progress.position;
  capture_.reset();
  segment.Discard();
  SegmentForTest next(&node_, 101);
  next.Write(Film(2));
  next.Sync();
  Reopen(committed);
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(2));
  ASSERT_EQ(sink_.gaps.size(), 1u);
  EXPECT_EQ(sink_.gaps[0].from, committed);
  EXPECT_EQ(sink_.gaps[0].to, At(100, kSegmentEnd));
}

TEST_F(NodeCaptureCases, ReadsOnWhenCassandraTakesTheOldestAway) {
  // cdc_block_writes: false; the segment that is being read goes, name and index.
  SegmentForTest segment(&node_, 100);
  for (int i = 0; i < 20; ++i) segment.Write(Film(i));
  segment.Complete();
  Open();
  ASSERT_TRUE(capture_->Step(now_us_, 500, &sink_).value());
  segment.Discard();
  SegmentForTest next(&node_, 101);
  ASSERT_TRUE(Run().has_value());
  EXPECT_EQ(sink_.films.size(), 20u);
  EXPECT_THAT(sink_.gaps, IsEmpty());
}

TEST_F(NodeCaptureCases, WaitsForADirectoryThatIsAway) {
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  segment.Sync();
  EXPECT_THAT(Films(), ElementsAre(1));
  const fs::path away = node_.cdc_raw().string() + ".away";
  fs::rename(node_.cdc_raw(), away);
  EXPECT_THAT(FilmsInTheEnd(), IsEmpty());
  EXPECT_FALSE(capture_->stats().reachable);
  EXPECT_EQ(alarms_.size(), 1u);
  // A mount point without its volume.
  fs::create_directory(node_.cdc_raw());
  EXPECT_THAT(FilmsInTheEnd(), IsEmpty());
  fs::remove(node_.cdc_raw());
  fs::rename(away, node_.cdc_raw());
  segment.Write(Film(2));
  segment.Sync();
  EXPECT_THAT(Films(), ElementsAre(2));
  EXPECT_TRUE(capture_->stats().reachable);
  EXPECT_THAT(sink_.gaps, IsEmpty());
}

TEST_F(NodeCaptureCases, TakesAnEmptyDirectoryForOneThatIsAwayIfItMissesSomething) {
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  segment.Sync();
  EXPECT_THAT(Films(), ElementsAre(1));
  const Position committed = sink_.progress.position;
  capture_.reset();
  segment.Discard();
  Reopen(committed);
  EXPECT_THAT(FilmsInTheEnd(), IsEmpty());
  EXPECT_FALSE(capture_->stats().reachable);
  EXPECT_THAT(sink_.gaps, IsEmpty());
}

TEST_F(NodeCaptureCases, LeavesForeignFilesAloneAndSaysSoOnce) {
  std::ofstream(node_.cdc_raw() / "notes.txt") << "hello";
  std::ofstream(node_.cdc_raw() / "CommitLog-7-12.log.bak") << "hello";
  fs::create_directory(node_.cdc_raw() / "lost+found");
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  segment.Complete();
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(1));
  EXPECT_EQ(lines_.size(), 3u);
  ASSERT_TRUE(capture_->Release(At(1000, kSegmentEnd)).has_value());
  EXPECT_THAT(node_.Names(), ElementsAre("CommitLog-7-12.log.bak", "lost+found", "notes.txt"));
}

// --- release ---

TEST_F(NodeCaptureCases, RemovesOnlyWhatIsFinishedAndDurable) {
  SegmentForTest first(&node_, 100);
  SegmentForTest second(&node_, 101);
  SegmentForTest third(&node_, 102);
  for (SegmentForTest* segment : {&first, &second, &third}) segment->Write(Film(1));
  first.Complete();
  second.Complete();
  third.Sync();
  Open();
  ASSERT_TRUE(capture_->Release(At(100, kSegmentEnd)).has_value());
  EXPECT_EQ(node_.Names().size(), 6u) << "durable, it is said, but not read";
  FilmsInTheEnd();
  EXPECT_EQ(node_.Names().size(), 4u);
  ASSERT_TRUE(capture_->Release(At(101, 5000)).has_value());
  EXPECT_EQ(node_.Names().size(), 4u);
  ASSERT_TRUE(capture_->Release(At(102, 60)).has_value());
  EXPECT_THAT(node_.Names(), ElementsAre(third.name(), third.index_name()));
  EXPECT_EQ(capture_->stats().segments_removed, 2u);
  EXPECT_TRUE(fs::exists(first.original()));
}

// --- damage ---

TEST_F(NodeCaptureCases, StopsAtDamageAndGoesOnWhenItIsMended) {
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

TEST_F(NodeCaptureCases, SkipsDamageWithAGap) {
  options_.on_corruption = NodeCapture::OnCorruption::kSkip;
  for (const bool completed : {true, false}) {
    NodeForTest node;
    options_.files = node.files();
    capture_.reset();
    sink_ = SinkForTest();
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

TEST_F(NodeCaptureCases, LooksTwiceAtDamageInASegmentThatIsBeingWritten) {
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

TEST_F(NodeCaptureCases, TakesAnEntryThatDoesNotParseForDamage) {
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

TEST_F(NodeCaptureCases, MissesWhatTheIndexSaysWasSynced) {
  options_.on_corruption = NodeCapture::OnCorruption::kSkip;
  for (const auto& compression : {std::optional<Compression>(), std::optional(Compression::kZstd)}) {
    NodeForTest node;
    options_.files = node.files();
    capture_.reset();
    sink_ = SinkForTest();
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

TEST_F(NodeCaptureCases, RefusesAnEncryptedLog) {
  std::ofstream(node_.cdc_raw() / "CommitLog-7-100.log")
      << SegmentBuilder(7, 100, R"({"encCipher":"AES/CBC/PKCS5Padding","encIV":"00"})").Bytes();
  const Status status = Run();
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
}

// --- space ---

class NodeCaptureSpace : public NodeCaptureCases {
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
