#include "pipeline/merge/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/merge/testing/pieces.h"
#include "reconcile/testing/toy_table.h"

namespace braid::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kTable = "t (id int key, n int clustering, s text static, a text, b int)";

const auto kNowhere = [] { return false; };
const auto kEverywhere = [] { return true; };

std::string DeletionText(const Deletion& deletion) {
  return "x" + std::to_string(deletion.at.us);
}

// "7 first last x5 | static a=1 | 1 a=x@100 | (1..3] x9"
std::string PieceText(const SstablePiece& piece) {
  const Mutation& mutation = piece.mutation;
  const TableSchema& schema = *mutation.schema;
  std::string text = KeyText(schema, mutation.partition_key, {});
  if (piece.first) text += " first";
  if (piece.last) text += " last";
  if (!mutation.partition_deletion.live()) text += " " + DeletionText(mutation.partition_deletion);
  const auto add_row = [&](const std::string& name, const RowUpdate& row) {
    text += " | " + name;
    if (!row.deletion.live()) text += " " + DeletionText(row.deletion);
    if (!row.liveness.none()) text += " @" + std::to_string(row.liveness.at.us);
    for (const Cell& cell : row.cells) {
      const Column& column = schema.column(cell.column);
      text += " " + column.name + "=" + ValueText(*column.type, cell.value) + "@" + std::to_string(cell.at.us);
    }
  };
  if (mutation.static_row != nullptr) add_row("static", *mutation.static_row);
  const std::string partition = KeyText(schema, mutation.partition_key, {}) + "/";
  for (const RowUpdate& row : mutation.rows) {
    add_row(KeyText(schema, mutation.partition_key, row.clustering).substr(partition.size()), row);
  }
  for (const RangeDeletion& range : mutation.ranges) {
    const auto end = [&](const Bound& bound) {
      return bound.size == 0 ? std::string()
                             : KeyText(schema, mutation.partition_key, bound.values).substr(partition.size());
    };
    text += std::string(" | ") + (range.start.inclusive ? "[" : "(") + end(range.start) + ".." + end(range.end) +
            (range.end.inclusive ? "]" : ")") + " " + DeletionText(range.deletion);
  }
  return text;
}

class MergeTest : public ::testing::Test {
 protected:
  ListSource* Add(const std::vector<std::string>& lines, const std::function<bool()>& cut_here = kNowhere,
                  const std::string& name = "s") {
    std::vector<std::string> whole;
    for (const std::string& line : lines) whole.push_back("n1 " + line);
    auto source = world_.Source(name, whole, cut_here);
    ListSource* const raw = source.get();
    sources_.push_back(std::move(source));
    return raw;
  }

  void Open(MergeOptions options = {}) { merge_ = *TableMerge::Open(std::move(sources_), world_.schema(), options); }

  std::vector<std::string> Pieces() {
    if (merge_ == nullptr) Open();
    std::vector<std::string> texts;
    while (true) {
      const Result<const SstablePiece*> piece = merge_->Next();
      if (!piece.has_value()) {
        texts.push_back("error: " + piece.error().message);
        break;
      }
      if (*piece == nullptr) break;
      texts.push_back(PieceText(**piece));
    }
    return texts;
  }

  MergeWorld world_{kTable};
  std::vector<std::unique_ptr<PieceSource>> sources_;
  std::unique_ptr<TableMerge> merge_;
};

TEST_F(MergeTest, NoSourcesGiveNothing) {
  EXPECT_THAT(Pieces(), ElementsAre());
}

TEST_F(MergeTest, EmptySourcesGiveNothing) {
  Add({});
  Add({});
  EXPECT_THAT(Pieces(), ElementsAre());
}

TEST_F(MergeTest, PartitionsOfDifferentSourcesComeInOrder) {
  Add({"1/1 set@10 a=x", "3/1 set@10 a=y"});
  Add({"2/1 set@10 a=z"});
  EXPECT_THAT(Pieces(), ElementsAre("1 first last | 1 a=x@10", "2 first last | 1 a=z@10", "3 first last | 1 a=y@10"));
}

TEST_F(MergeTest, CopiesOfARowAreOne) {
  for (int i = 0; i < 3; ++i) Add({"1/1 insert@10 a=x b=1"});
  EXPECT_THAT(Pieces(), ElementsAre("1 first last | 1 @10 a=x@10 b=1@10"));
}

TEST_F(MergeTest, NewestCellWins) {
  Add({"1/1 insert@10 a=x b=1"});
  Add({"1/1 set@12 a=y"});
  Add({"1/1 set@11 a=z b=2"});
  EXPECT_THAT(Pieces(), ElementsAre("1 first last | 1 @10 a=y@12 b=2@11"));
}

TEST_F(MergeTest, ARowsDeletionCoversOtherSourcesCells) {
  Add({"1/1 insert@10 a=x"});
  Add({"1/1 delete@11"});
  EXPECT_THAT(Pieces(), ElementsAre("1 first last | 1 x11"));
}

TEST_F(MergeTest, StrongestPartitionDeletionCounts) {
  Add({"1 delete@11", "1/1 set@12 a=x"});
  Add({"1 delete@14"});
  Add({"1/2 set@13 a=y"});
  EXPECT_THAT(Pieces(), ElementsAre("1 first last x14 | 1 a=x@12 | 2 a=y@13"));
}

TEST_F(MergeTest, StaticRowsAreJoined) {
  Add({"1/static set@10 s=x"});
  Add({"1/static set@11 s=y", "1/1 set@9 a=x"});
  EXPECT_THAT(Pieces(), ElementsAre("1 first last | static s=y@11 | 1 a=x@9"));
}

TEST_F(MergeTest, RangesAreCutWhereTheyOverlap) {
  Add({"1/[1,5] delete@10"});
  Add({"1/[3,8] delete@12"});
  EXPECT_THAT(Pieces(), ElementsAre("1 first last | [1..3) x10 | [3..8] x12"));
}

TEST_F(MergeTest, ARangeWithinAStrongerOneVanishes) {
  Add({"1/[1,9] delete@12"});
  Add({"1/(3,8) delete@10"});
  EXPECT_THAT(Pieces(), ElementsAre("1 first last | [1..9] x12"));
}

TEST_F(MergeTest, EqualRangesOfReplicasAreOne) {
  Add({"1/[1,5] delete@10"}, kEverywhere);
  Add({"1/[1,5] delete@10"});
  Add({"1/[1,3] delete@10", "1/(3,5] delete@10"});
  EXPECT_THAT(Pieces(), ElementsAre("1 first | [1..5] x10", "1 last"));
}

TEST_F(MergeTest, ARangeWithoutRowsStays) {
  Add({"1/1 set@10 a=x"});
  Add({"1/[5,6] delete@10"});
  EXPECT_THAT(Pieces(), ElementsAre("1 first last | 1 a=x@10 | [5..6] x10"));
}

TEST_F(MergeTest, NothingIsGivenBehindWhatASourceKnows) {
  Add({"1/2 set@10 a=x", "1/4 set@10 a=x"}, kEverywhere);
  Add({"1/1 set@11 a=y", "1/3 set@11 a=y", "1/4 set@11 a=y", "1/5 set@11 a=y"});
  EXPECT_THAT(Pieces(), ElementsAre("1 first | 1 a=y@11 | 2 a=x@10", "1 | 3 a=y@11 | 4 a=y@11", "1 last | 5 a=y@11"));
}

TEST_F(MergeTest, ARangeIsCutWherePiecesMeet) {
  Add({"1/2 set@10 a=x", "1/6 set@10 a=x"}, kEverywhere);
  Add({"1/[1,9] delete@9"});
  EXPECT_THAT(Pieces(),
              ElementsAre("1 first | 2 a=x@10 | [1..2] x9", "1 | 6 a=x@10 | (2..6] x9", "1 last | (6..9] x9"));
}

TEST_F(MergeTest, ANarrowPartitionBesideAWideOneWaitsForNobody) {
  Add({"1/1 set@10 a=x"});
  Add({"1/1 set@11 b=1", "1/2 set@11 b=2", "2/1 set@11 b=3"}, kEverywhere);
  EXPECT_THAT(Pieces(),
              ElementsAre("1 first | 1 a=x@10 b=1@11", "1 | 2 b=2@11", "1 last", "2 first | 1 b=3@11", "2 last"));
}

TEST_F(MergeTest, WhatOnlyOneSourceHasIsNotTouched) {
  auto source = world_.Source("s", {"n1 1/1 set@10 a=x", "n1 1/2 set@10 a=y"}, kEverywhere);
  ListSource* const raw = source.get();
  sources_.push_back(std::move(source));
  Add({"2/1 set@10 a=z"});
  Open();
  const SstablePiece* const first = *merge_->Next();
  const SstablePiece* const second = *merge_->Next();
  EXPECT_EQ(first, second);  // the source's own
  EXPECT_EQ(PieceText(*second), "1 | 2 a=y@10");
  EXPECT_EQ(raw->asked(), 2U);
}

TEST_F(MergeTest, ASourceIsNotAskedBeforeItsFirstToken) {
  Add({"1/1 set@10 a=x"});
  ListSource* const late = Add({"2/1 set@10 a=y"});
  late->SetFirstToken(Token{2});
  Open();
  EXPECT_EQ(PieceText(**merge_->Next()), "1 first last | 1 a=x@10");
  EXPECT_EQ(late->asked(), 0U);
  EXPECT_EQ(PieceText(**merge_->Next()), "2 first last | 1 a=y@10");
}

TEST_F(MergeTest, ASourceOfTheSameTokenIsAskedInTime) {
  Add({"2/1 set@10 a=x"});
  Add({"2/1 set@11 b=1"})->SetFirstToken(Token{2});
  EXPECT_THAT(Pieces(), ElementsAre("2 first last | 1 a=x@10 b=1@11"));
}

TEST_F(MergeTest, DamageStopsUnlessItIsToBeSkipped) {
  Add({"1/1 set@10 a=x"});
  Add({"2/1 set@10 a=x"}, kNowhere, "bad")->DamageAt(0);
  EXPECT_THAT(Pieces(), ElementsAre("error: bad: piece 0"));
}

TEST_F(MergeTest, DamageWithinAPartitionEndsOnlyThatSourcesPart) {
  Add({"1/1 set@10 a=x", "1/5 set@10 a=y", "4/1 set@10 a=z"});
  Add({"1/1 set@11 b=1", "1/3 set@11 b=3", "3/1 set@11 b=4"}, kEverywhere, "bad")->DamageAt(1);
  Open({.skip_damage = true});
  EXPECT_THAT(Pieces(), ElementsAre("1 first | 1 a=x@10 b=1@11", "1 last | 5 a=y@10", "3 first | 1 b=4@11", "3 last",
                                    "4 first last | 1 a=z@10"));
  ASSERT_EQ(merge_->damage().size(), 1U);
  const MergeDamage& damage = merge_->damage()[0];
  EXPECT_EQ(damage.source, "bad");
  EXPECT_EQ(damage.message, "bad: piece 1");
  EXPECT_EQ(damage.lost_bytes, 2U);
  EXPECT_EQ(damage.tokens, (TokenRange{.after = {0}, .through = {3}}));
}

TEST_F(MergeTest, APartitionBegunByADamagedSourceAloneIsEnded) {
  Add({"1/1 set@11 b=1", "1/3 set@11 b=3"}, kEverywhere, "bad")->DamageAt(1);
  Add({"4/1 set@10 a=z"});
  Open({.skip_damage = true});
  EXPECT_THAT(Pieces(), ElementsAre("1 first | 1 b=1@11", "1 last", "4 first last | 1 a=z@10"));
  ASSERT_EQ(merge_->damage().size(), 1U);
  EXPECT_EQ(merge_->damage()[0].lost_bytes, std::nullopt);
  EXPECT_EQ(merge_->damage()[0].tokens, (TokenRange{.after = {0}, .through = kGreatestToken}));
}

TEST_F(MergeTest, DamageUpToTheEndIsOneWithWhatFollows) {
  Add({"1/1 set@11 b=1", "2/1 set@11 b=2", "3/1 set@11 b=3"}, kNowhere, "bad")->DamageAt(1);
  static_cast<ListSource*>(sources_.back().get())->DamageAt(2);
  Open({.skip_damage = true});
  EXPECT_THAT(Pieces(), ElementsAre("1 first last | 1 b=1@11"));
  ASSERT_EQ(merge_->damage().size(), 1U);
  EXPECT_EQ(merge_->damage()[0].message, "bad: piece 1; then bad: piece 2");
}

TEST_F(MergeTest, CountersThatCannotBeMergedNameTheTable) {
  MergeWorld world("c (id int key, n int clustering, x counter)");
  std::vector<std::unique_ptr<PieceSource>> sources;
  sources.push_back(world.Source("s", {"n1 1/1 set@10 x=local"}, kNowhere));
  sources.push_back(world.Source("s", {"n1 1/1 set@10 x=A:1:1"}, kNowhere));
  const auto merge = *TableMerge::Open(std::move(sources), world.schema());
  const auto piece = merge->Next();
  ASSERT_FALSE(piece.has_value());
  EXPECT_EQ(piece.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(piece.error().message, HasSubstr(".c"));
}

}  // namespace
}  // namespace braid::testing
