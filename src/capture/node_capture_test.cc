#include "capture/node_capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "capture/capture_test_util.h"
#include "capture/truncation.h"

namespace braid {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using NodeCaptureTest = NodeCaptureFixture;

TEST_F(NodeCaptureTest, GivesWhatTheIndexSaysIsSynced) {
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  EXPECT_THAT(Films(), IsEmpty());
  segment.Mark();
  EXPECT_THAT(Films(), IsEmpty()) << "marked, but nobody says that it is on the disk";
  segment.Sync();
  EXPECT_THAT(Films(), ElementsAre(1));
  const uint64_t end = segment.Write(Film(2));
  segment.Write(Film(3));
  segment.WriteIndex(std::to_string(end));
  segment.Mark();
  EXPECT_THAT(Films(), ElementsAre(2));
  segment.Sync();
  EXPECT_THAT(Films(), ElementsAre(3));
  EXPECT_EQ(sink_.progress.node, options_.node);
  EXPECT_EQ(sink_.progress.position.segment, SegmentId{100});
  EXPECT_EQ(sink_.positions.front(), At(100, 28 + Film(1).size() + 12));
}

TEST_F(NodeCaptureTest, AnIdleNodeTellsItsWatermarkAsItsOwn) {
  SegmentForTest segment(&node_, 100);
  EXPECT_THAT(Films(), IsEmpty());
  EXPECT_FALSE(sink_.progress.watermark.none());
  EXPECT_EQ(sink_.progress.position.node, options_.node);
  EXPECT_TRUE(sink_.progress.position.none());
}

TEST_F(NodeCaptureTest, GivesEntriesBeforeAnyMarkerWhenLive) {
  options_.tail = NodeCapture::Tail::kLive;
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  EXPECT_THAT(Films(), ElementsAre(1));
  segment.Write(Film(2));
  EXPECT_THAT(Films(), ElementsAre(2));
  segment.Mark();
  segment.Write(Film(3));
  EXPECT_THAT(Films(), ElementsAre(3));
  segment.Complete();
  SegmentForTest next(&node_, 101);
  next.Write(Film(4));
  EXPECT_THAT(Films(), ElementsAre(4));
  EXPECT_THAT(sink_.gaps, IsEmpty());
}

TEST_F(NodeCaptureTest, WaitsForAnIndexThatIsBeingWritten) {
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  segment.Sync();
  EXPECT_THAT(Films(), ElementsAre(1));
  segment.Write(Film(2));
  segment.Mark();
  for (const char* text : {"", "1", "junk", "\nCOMPLETED"}) {
    segment.WriteIndex(text);
    EXPECT_THAT(Films(), IsEmpty()) << text;
  }
  segment.WriteIndex(std::to_string(segment.logical_end()) + "\nCOMPL");
  EXPECT_THAT(Films(), ElementsAre(2));
  EXPECT_NE(sink_.progress.position, At(100, kSegmentEnd));
  segment.WriteIndex(std::to_string(segment.logical_end()) + "\nCOMPLETED");
  EXPECT_THAT(Films(), IsEmpty());
  EXPECT_EQ(sink_.progress.position, At(100, kSegmentEnd));
}

TEST_F(NodeCaptureTest, ReadsCompressedSegmentsByLogicalOffsets) {
  for (const Compression compression : {Compression::kLz4, Compression::kZstd}) {
    SegmentForTest segment(&node_, 100 + static_cast<int>(compression), compression);
    for (int i = 0; i < 50; ++i) segment.Write(Film(i));
    segment.Sync();
    EXPECT_EQ(Films().size(), 50u);
    segment.Write(Film(50));
    segment.Mark();
    EXPECT_THAT(Films(), IsEmpty());
    segment.Complete();
    EXPECT_THAT(Films(), ElementsAre(50));
    EXPECT_EQ(sink_.progress.position.offset, kSegmentEnd);
    EXPECT_LT(segment.bytes().size(), segment.logical_end());
  }
}

TEST_F(NodeCaptureTest, GoesFromSegmentToSegmentInTheirOrder) {
  SegmentForTest third(&node_, 1000);
  SegmentForTest second(&node_, 101);
  SegmentForTest first(&node_, 99);
  first.Write(Film(1));
  first.Complete();
  second.Write(Film(2));
  second.Complete();
  third.Write(Film(3));
  third.Sync();
  SegmentForTest spare(&node_, 1001);
  EXPECT_THAT(Films(), ElementsAre(1, 2, 3));
  EXPECT_EQ(sink_.progress.position.segment, SegmentId{1000}) << "the spare is not begun";
}

TEST_F(NodeCaptureTest, KeepsToTheBudget) {
  SegmentForTest segment(&node_, 100);
  for (int i = 0; i < 100; ++i) segment.Write(Film(i));
  segment.Sync();
  Open();
  EXPECT_TRUE(capture_->Step(now_us_, 1000, &sink_).value());
  EXPECT_GT(sink_.films.size(), 5u);
  EXPECT_LT(sink_.films.size(), 25u);
  EXPECT_EQ(sink_.progress.position, sink_.positions.back());
  EXPECT_TRUE(capture_->Step(now_us_, 0, &sink_).value()) << "nothing is read, but there is more";
  EXPECT_TRUE(Run().has_value());
  EXPECT_EQ(sink_.films.size(), 100u);
}

TEST_F(NodeCaptureTest, GoesOnWhereItWasCommitted) {
  for (const auto& compression : {std::optional<Compression>(), std::optional(Compression::kLz4)}) {
    NodeForTest node;
    Follow(node);
    SegmentForTest segment(&node, 100, compression);
    for (int i = 0; i < 10; ++i) {
      segment.Write(Film(i));
      if (i % 3 == 0) segment.Sync();
    }
    segment.Complete();
    SegmentForTest next(&node, 101, compression);
    next.Write(Film(10));
    next.Sync();
    ASSERT_TRUE(Run().has_value());
    const std::vector<Position> positions = sink_.positions;
    ASSERT_EQ(positions.size(), 11u);
    for (size_t i = 0; i < positions.size(); ++i) {
      Reopen(positions[i]);
      EXPECT_EQ(Films().size(), 10 - i);
    }
    Reopen(At(100, kSegmentEnd));
    EXPECT_THAT(Films(), ElementsAre(10));
  }
}

TEST_F(NodeCaptureTest, GivesTheSameAgainWhenTheSinkRefuses) {
  schemas_.Define(WideTable());
  options_.schema_wait_us = 0;
  SegmentForTest segment(&node_, 100);
  for (int i = 0; i < 40; ++i) segment.Write(Film(i));
  // A batch of which the second part is unknown: a transaction and a gap.
  segment.Write(RowBytes().Vint(2).Raw(Film(40).substr(1)).Raw(OtherPart("nobody-knows-it!")).bytes());
  segment.Complete();
  for (const int every : {1, 2, 3}) {
    NodeForTest other;
    sink_ = SinkForTest();
    sink_.refuse_every = every == 1 ? 0 : every;
    Open();
    for (int i = 0; i < 200; ++i) {
      const Result<bool> step = capture_->Step(now_us_, kMuch, &sink_);
      EXPECT_TRUE(step || step.error().code == ErrorCode::kTransient);
    }
    EXPECT_EQ(sink_.films.size(), 41u);
    EXPECT_EQ(sink_.gaps.size(), 1u);
    EXPECT_EQ(sink_.progress.position, At(100, kSegmentEnd));
  }
}

TEST_F(NodeCaptureTest, SkipsCassandrasOwnTablesAndThoseNotCaptured) {
  schemas_.Define(WideTable(), /*cdc=*/false);
  SegmentForTest segment(&node_, 100);
  segment.Write(SystemWrite());
  segment.Write(Film(1));
  segment.Write(RowBytes().Vint(1).Raw(OtherPart("wide-table-id-01")).bytes());
  segment.Sync();
  EXPECT_THAT(Films(), ElementsAre(1));
  EXPECT_EQ(capture_->stats().entries, 3u);
  EXPECT_EQ(capture_->stats().mutations, 1u);
}

TEST_F(NodeCaptureTest, WaitsForTheDefinitionOfATable) {
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  segment.Write(RowBytes().Vint(1).Raw(OtherPart("wide-table-id-01")).bytes());
  segment.Write(Film(2));
  segment.Sync();
  EXPECT_THAT(Films(), ElementsAre(1));
  EXPECT_TRUE(capture_->stats().waiting_for_schema);
  const Position before = sink_.progress.position;
  EXPECT_EQ(before, sink_.positions.back());
  Pass(29 * kSecondUs);
  EXPECT_THAT(Films(), IsEmpty());
  schemas_.Define(WideTable());
  EXPECT_THAT(Films(), ElementsAre(2));
  EXPECT_EQ(sink_.positions.size(), 3u);
  EXPECT_FALSE(capture_->stats().waiting_for_schema);
  EXPECT_EQ(capture_->stats().passed_over, 0u);
}

TEST_F(NodeCaptureTest, PassesOverATableThatNobodyDefines) {
  SegmentForTest segment(&node_, 100);
  segment.Write(RowBytes().Vint(1).Raw(OtherPart("nobody-knows-it!")).bytes());
  segment.Write(Film(1));
  segment.Write(RowBytes().Vint(1).Raw(OtherPart("nobody-knows-it!")).bytes());
  segment.Write(Film(2));
  segment.Sync();
  EXPECT_THAT(Films(), IsEmpty());
  Pass(30 * kSecondUs);
  EXPECT_THAT(Films(), ElementsAre(1, 2)) << "the second time it does not wait";
  EXPECT_EQ(capture_->stats().passed_over, 2u);
  EXPECT_THAT(sink_.gaps, IsEmpty());
  EXPECT_THAT(alarms_, ElementsAre(HasSubstr("passed over")));
}

TEST_F(NodeCaptureTest, TellsOfAGapWherePartOfABatchIsUnknown) {
  SegmentForTest segment(&node_, 100);
  const uint64_t before = segment.Write(Film(1));
  const std::string unknown = OtherPart("nobody-knows-it!");
  const uint64_t end = segment.Write(RowBytes().Vint(2).Raw(Film(2).substr(1)).Raw(unknown).bytes());
  segment.Write(Film(3));
  segment.Sync();
  EXPECT_THAT(Films(), ElementsAre(1));
  Pass(30 * kSecondUs);
  EXPECT_THAT(Films(), ElementsAre(2, 3));
  ASSERT_EQ(sink_.gaps.size(), 1u);
  EXPECT_EQ(sink_.gaps[0].reason, GapReason::kUnknownSchema);
  EXPECT_EQ(sink_.gaps[0].node, options_.node);
  EXPECT_EQ(sink_.gaps[0].from, At(100, before));
  EXPECT_EQ(sink_.gaps[0].to, At(100, end));
  EXPECT_THAT(sink_.gaps[0].detail, HasSubstr(std::to_string(unknown.size()) + " bytes"));
}

// system.local, as much of it as is needed.
TableSchema SystemLocal() {
  TableSchema table = SchemaBuilderForTest("system-local-id0", "local")
                          .Add(ColumnKind::kPartitionKey, "key", TypeKind::kText)
                          .Add(ColumnKind::kRegular, "truncated_at",
                               MapOf(SimpleType(TypeKind::kUuid), SimpleType(TypeKind::kBlob), /*frozen=*/false))
                          .Build();
  table.keyspace = "system";
  table.table_id = SystemLocalId();
  return table;
}

// The record of a TRUNCATE of the films table.
std::string TruncationRecord(int64_t segment, int32_t offset, int64_t milliseconds) {
  const std::string value = RowBytes().I64(segment).I32(offset).I64(milliseconds).bytes();
  return RowBytes()
      .Vint(1)
      .Raw(SystemLocalId().view())
      .Text("local")
      .U8(0x10)
      .Stats(kStatsEpochUs)
      .Columns({"truncated_at"})
      .Vint(1)
      .U8(0x24)
      .Vint(5)
      .Vint(1)
      .U8(0x08)
      .Text("films-table-id-0")
      .Text(value)
      .U8(1)
      .bytes();
}

TEST_F(NodeCaptureTest, TellsOfATruncation) {
  schemas_.Define(SystemLocal(), /*cdc=*/false);
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  const uint64_t end = segment.Write(TruncationRecord(100, 68, 5000));
  segment.Write(Film(2));
  segment.Sync();
  EXPECT_THAT(Films(), ElementsAre(1, 2));
  ASSERT_EQ(sink_.truncations.size(), 1u);
  EXPECT_EQ(sink_.truncations[0].table, FilmsTable().table_id);
  EXPECT_EQ(sink_.truncations[0].cut, At(100, 68));
  EXPECT_EQ(sink_.truncations[0].seen_at, At(100, end));
  EXPECT_EQ(sink_.truncations[0].at, WriteTime{5'000'000});
}

TEST_F(NodeCaptureTest, TellsOfATruncationInASegmentWithoutAnIndex) {
  // Nobody writes to a captured table, so Cassandra writes no index.
  schemas_.Define(SystemLocal(), /*cdc=*/false);
  for (const auto& compression : {std::optional<Compression>(), std::optional(Compression::kLz4)}) {
    NodeForTest node;
    Follow(node);
    SegmentForTest segment(&node, 100, compression);
    segment.Write(SystemWrite());
    segment.Write(TruncationRecord(100, 68, 5000));
    segment.Mark();
    segment.Write(Film(1));
    segment.Mark();
    segment.Write(TruncationRecord(100, 68, 6000));
    segment.Mark();
    for (int i = 0; i < 3; ++i) {
      EXPECT_THAT(Films(), IsEmpty());
      Pass(kSecondUs);
    }
    EXPECT_EQ(sink_.truncations.size(), 1u) << "as far as no write of ours stands before it";
    segment.Sync();
    EXPECT_THAT(Films(), ElementsAre(1));
    EXPECT_EQ(sink_.truncations.size(), 2u);
  }
}

TEST_F(NodeCaptureTest, LeavesExcludedColumnsOut) {
  const std::string payload = RowBytes()
                                  .Vint(1)
                                  .Raw(FilmPart(0x10)
                                           .Columns({"title", "year"})
                                           .Vint(1)
                                           .U8(0x24)
                                           .Raw(FilmClustering(1, "joel"))
                                           .Vint(1)
                                           .U8(0x08)
                                           .Text("secret")
                                           .U8(0x08)
                                           .Raw(Int(1999))
                                           .U8(1))
                                  .bytes();
  class Columns : public SinkForTest {
   public:
    Status OnTransaction(const Transaction& transaction) override {
      for (const Cell& cell : transaction.mutations[0].rows[0].cells) {
        names.push_back(transaction.mutations[0].schema->column(cell.column).name);
      }
      return SinkForTest::OnTransaction(transaction);
    }
    std::vector<std::string> names;
  } sink;
  SegmentForTest segment(&node_, 100);
  segment.Write(payload);
  segment.Sync();
  options_.exclude = {"ks.films.title", "ks.other.year"};
  Open();
  ASSERT_TRUE(capture_->Step(now_us_, kMuch, &sink).has_value());
  EXPECT_THAT(sink.names, ElementsAre("year"));
  for (const char* wrong : {"title", "ks.films", "ks..title", ".films.title", "ks.films.", "ks.films.id"}) {
    options_.exclude = {wrong};
    const auto opened = NodeCapture::Open(PosixFileSystem(), &schemas_, options_);
    ASSERT_FALSE(opened.has_value()) << wrong;
    EXPECT_EQ(opened.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST_F(NodeCaptureTest, RefusesADirectoryThatIsNotThere) {
  options_.files.cdc_raw += "/nowhere";
  EXPECT_EQ(NodeCapture::Open(PosixFileSystem(), &schemas_, options_).error().code, ErrorCode::kNotFound);
}

TEST_F(NodeCaptureTest, StepsCheaplyWhenIdle) {
  SegmentForTest segment(&node_, 100);
  segment.Write(Film(1));
  segment.Sync();
  now_us_ = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
                .count() +
            10 * kSecondUs;
  EXPECT_THAT(Films(), ElementsAre(1));
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) ASSERT_FALSE(capture_->Step(now_us_ + i * 1000, kMuch, &sink_).value());
  const double us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count() / 1000;
  RecordProperty("idle_step_us", std::to_string(us));
  EXPECT_LT(us, 200) << "an idle step";
}

}  // namespace
}  // namespace braid
