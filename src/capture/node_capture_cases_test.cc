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

using NodeCaptureCases = NodeCaptureFixture;

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
    Follow(node);
    SegmentForTest segment(&node, 100, compression);
    segment.Write(Film(1));
    segment.Sync();
    segment.Write(Film(2));
    segment.Mark();
    segment.WriteIndex(std::to_string(segment.bytes().size()) + "\nCOMPLETED");
    EXPECT_THAT(FilmsInTheEnd(), ElementsAre(1, 2));
    EXPECT_EQ(sink_.progress.position, At(100, kSegmentEnd));
    EXPECT_THAT(sink_.gaps, IsEmpty());
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

TEST_F(NodeCaptureCases, GoesOnInTheCommitlogDirectoryIfOnlyTheLinkIsGone) {
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  segment.Sync();
  EXPECT_THAT(Films(), ElementsAre(1));
  const Position committed = sink_.progress.position;
  capture_.reset();
  fs::remove(segment.link());
  fs::remove(segment.index());
  segment.Write(Film(2));
  segment.Mark();
  SegmentForTest next(&node_, 101);
  next.Write(Film(3));
  next.Sync();
  Reopen(committed);
  EXPECT_THAT(FilmsInTheEnd(), ElementsAre(2, 3));
  EXPECT_THAT(sink_.gaps, IsEmpty());
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

}  // namespace
}  // namespace braid
