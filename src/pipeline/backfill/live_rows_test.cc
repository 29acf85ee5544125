#include "pipeline/backfill/live_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/backfill/snapshot_marks.h"
#include "pipeline/merge/testing/pieces.h"
#include "reconcile/testing/toy_change.h"

namespace braid::testing {
namespace {

using ::testing::ElementsAre;

constexpr const char* kTable =
    "t (id int key, n int clustering, s text static, a text, b int, gone text dropped@50, tags set<text>)";

// "r 7/1 @100 [a] {…}"
class RowTexts : public ChangeSink {
 public:
  Status Emit(const Change& change) override {
    EXPECT_EQ(change.op, Op::kRead);
    EXPECT_EQ(change.cause, Cause::kBackfill);
    EXPECT_EQ(change.revision, 1U);
    EXPECT_EQ(change.before, nullptr);
    EXPECT_TRUE(change.complete);
    EXPECT_TRUE(change.origin.none());
    lines.push_back(ChangeText(change));
    marks.push_back(change.snapshot);
    return {};
  }
  std::vector<std::string> lines;
  std::vector<SnapshotMark> marks;
};

class LiveRowsTest : public ::testing::Test {
 protected:
  // The rows of these mutations that live at `now`, pieces cut everywhere.
  std::vector<std::string> Rows(const std::vector<std::string>& lines, int64_t now = 1000) {
    std::vector<std::string> whole;
    for (const std::string& line : lines) whole.push_back("n1 " + line);
    std::vector<std::unique_ptr<PieceSource>> sources;
    sources.push_back(world_.Source("s", whole, [] { return true; }));
    const auto merge = *TableMerge::Open(std::move(sources), world_.schema());
    LiveRows live(world_.schema(), UnixSeconds{now});
    RowTexts texts;
    while (const SstablePiece* piece = *merge->Next()) EXPECT_TRUE(live.Take(*piece, texts).has_value());
    dead_ = live.dead();
    return texts.lines;
  }

  MergeWorld world_{kTable};
  uint64_t dead_ = 0;
};

TEST_F(LiveRowsTest, ARowIsGivenWhole) {
  EXPECT_THAT(Rows({"7/1 insert@100 a=x tags+={u,v}", "7/1 set@120 b=5"}),
              ElementsAre("r 7/1 @120 r1 backfill [a, b, tags] null -> {a: x, b: 5, tags: {u, v}}"));
}

TEST_F(LiveRowsTest, ARowMayLiveByItsMarkerAlone) {
  EXPECT_THAT(Rows({"7/1 insert@100"}),
              ElementsAre("r 7/1 @100 r1 backfill [] null -> {a: null, b: null, tags: null}"));
}

TEST_F(LiveRowsTest, DeletedRowsAreNotGiven) {
  EXPECT_THAT(Rows({"7/1 insert@100 a=x", "7/1 delete@101", "7/2 set@100 a=y", "7/2 set@101 a=null"}), ElementsAre());
  EXPECT_EQ(dead_, 2U);
}

TEST_F(LiveRowsTest, APartitionsDeletionCountsInAllItsPieces) {
  EXPECT_THAT(
      Rows({"7/static set@100 s=x", "7/1 insert@100 a=x", "7/2 insert@102 a=y", "7/3 insert@100 a=z", "7 delete@101"}),
      ElementsAre("r 7/2 @102 r1 backfill [a] null -> {a: y, b: null, tags: null}"));
  EXPECT_EQ(dead_, 3U);
}

TEST_F(LiveRowsTest, ThatOfOnePartitionDoesNotReachTheNext) {
  EXPECT_THAT(Rows({"7 delete@101", "8/1 insert@100 a=x"}),
              ElementsAre("r 8/1 @100 r1 backfill [a] null -> {a: x, b: null, tags: null}"));
}

TEST_F(LiveRowsTest, ARangesDeletionCountsAcrossPieces) {
  EXPECT_THAT(Rows({"7/1 insert@100 a=x", "7/2 insert@100 a=x", "7/3 insert@102 a=y", "7/4 insert@100 a=z",
                    "7/[2,4) delete@101"}),
              ElementsAre("r 7/1 @100 r1 backfill [a] null -> {a: x, b: null, tags: null}",
                          "r 7/3 @102 r1 backfill [a] null -> {a: y, b: null, tags: null}",
                          "r 7/4 @100 r1 backfill [a] null -> {a: z, b: null, tags: null}"));
}

TEST_F(LiveRowsTest, ADeletionWithinARowCoversWhatIsOlder) {
  EXPECT_THAT(Rows({"7/1 insert@100 a=x tags+={u}", "7/1 set@110 tags={v}"}),
              ElementsAre("r 7/1 @110 r1 backfill [a, tags] null -> {a: x, b: null, tags: {v}}"));
}

TEST_F(LiveRowsTest, WhatHasExpiredIsGone) {
  const std::vector<std::string> lines = {"7/1 insert@100~500 a=x", "7/2 insert@100 a=y", "7/2 set@110~500 b=5"};
  EXPECT_THAT(Rows(lines, 499), ElementsAre("r 7/1 @100 r1 backfill [a] null -> {a: x, b: null, tags: null}",
                                            "r 7/2 @110 r1 backfill [a, b] null -> {a: y, b: 5, tags: null}"));
  EXPECT_THAT(Rows(lines, 500), ElementsAre("r 7/2 @100 r1 backfill [a] null -> {a: y, b: null, tags: null}"));
}

TEST_F(LiveRowsTest, ADroppedColumnKeepsNoRowAlive) {
  EXPECT_THAT(Rows({"7/1 set@40 gone=x", "7/2 set@40 gone=x a=y"}),
              ElementsAre("r 7/2 @40 r1 backfill [a] null -> {a: y, b: null, tags: null}"));
}

TEST_F(LiveRowsTest, StaticRowsAreRowsOfTheirOwn) {
  EXPECT_THAT(
      Rows({"7/static set@100 s=x", "8/static set@100 s=y", "8/1 insert@90 a=x"}),
      ElementsAre("r 7/static @100 r1 backfill [s] null -> {s: x}", "r 8/static @100 r1 backfill [s] null -> {s: y}",
                  "r 8/1 @90 r1 backfill [a] null -> {a: x, b: null, tags: null}"));
}

TEST(LiveCounters, AreTotals) {
  MergeWorld world("c (id int key, n int clustering, x counter)");
  const Mutation mutation = world.Gather({world.Read("n1 7/1 set@100 x=A:5:17+B:3:1")}).front();
  SstablePiece piece;
  piece.mutation = mutation;
  LiveRows live(world.schema(), UnixSeconds{1000});
  RowTexts texts;
  ASSERT_TRUE(live.Take(piece, texts).has_value());
  EXPECT_THAT(texts.lines, ElementsAre("r 7/1 @100 r1 backfill [x] null -> {x: 18}"));
}

TEST(LiveCounters, FromBeforeCassandra21AreRefusedByTable) {
  MergeWorld world("c (id int key, n int clustering, x counter)");
  SstablePiece piece;
  piece.mutation = world.Gather({world.Read("n1 7/1 set@100 x=local")}).front();
  LiveRows live(world.schema(), UnixSeconds{1000});
  RowTexts texts;
  const Status taken = live.Take(piece, texts);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, ErrorCode::kUnsupported);
}

class SnapshotMarksTest : public ::testing::Test {
 protected:
  void Give(int rows) {
    for (int i = 0; i < rows; ++i) {
      // Nothing that it points to outlives the call.
      std::string value = "v" + std::to_string(i);
      const ColumnValue column{.column = schema_->regulars[0], .null = false, .value = value};
      const Image image{{&column, 1}};
      std::string key(4, static_cast<char>(0));
      key[3] = static_cast<char>(i);
      Change change;
      change.schema = schema_.get();
      change.partition_key = key;
      change.op = Op::kRead;
      change.cause = Cause::kBackfill;
      change.revision = 1;
      change.after = &image;
      EXPECT_TRUE(marks_.Emit(change).has_value());
      value.assign(value.size(), '?');
    }
    EXPECT_TRUE(marks_.EndTable().has_value());
  }

  TableSchemaPtr schema_ = ParseTable("t (id int key, a text)");
  RowTexts texts_;
  SnapshotMarks marks_{&texts_};
};

TEST_F(SnapshotMarksTest, FirstOthersAndLast) {
  Give(4);
  EXPECT_THAT(texts_.marks,
              ElementsAre(SnapshotMark::kFirst, SnapshotMark::kTrue, SnapshotMark::kTrue, SnapshotMark::kLast));
  EXPECT_THAT(texts_.lines.front(), ::testing::HasSubstr("{a: v0}"));
  EXPECT_THAT(texts_.lines.back(), ::testing::HasSubstr("{a: v3}"));
}

TEST_F(SnapshotMarksTest, AnOnlyOneIsTheLast) {
  Give(1);
  EXPECT_THAT(texts_.marks, ElementsAre(SnapshotMark::kLast));
}

TEST_F(SnapshotMarksTest, EachTableBeginsAnew) {
  Give(2);
  Give(0);
  Give(2);
  EXPECT_THAT(texts_.marks,
              ElementsAre(SnapshotMark::kFirst, SnapshotMark::kLast, SnapshotMark::kFirst, SnapshotMark::kLast));
}

}  // namespace
}  // namespace braid::testing
