// Of lww/write.h; here because the mutations are written as text.
#include "reconcile/lww/write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_table.h"

namespace braid::testing {
namespace {

using ::testing::ElementsAre;

class WriteTest : public ::testing::Test {
 protected:
  Mutation Read(std::string_view line) { return reader_.Read(*schema_, line, &arena_); }
  // "target time cells deletions" of each write.
  std::vector<std::string> Cut(std::string_view line) {
    writes_.clear();
    mutation_ = Read(line);
    CutIntoWrites(mutation_, &arena_, &writes_);
    std::vector<std::string> texts;
    for (const Mutation& write : writes_) {
      std::string text =
          std::string(1, "PRSr"[static_cast<size_t>(TargetOf(write))]) + std::to_string(WriteTimeOf(write).us);
      if (TargetOf(write) == Target::kRow || TargetOf(write) == Target::kStatic) {
        const RowUpdate& row = RowOf(write);
        text += std::string(row.liveness.none() ? "" : " m") + (row.deletion.live() ? "" : " d") +
                std::string(row.complex_deletions.size(), 'x') + " " + std::to_string(row.cells.size());
      }
      texts.push_back(text);
    }
    return texts;
  }
  Mutation Only(std::string_view line) {
    Cut(line);
    EXPECT_EQ(writes_.size(), 1u) << line;
    return writes_.front();
  }

  TableSchemaPtr schema_ = ParseTable("t (id int key, n int clustering, s text static, a text, b int, t set<text>)");
  TableSchemaPtr counters_ = ParseTable("c (id int key, n int clustering, x counter, y counter)");
  Arena arena_;
  ToyReader reader_;
  Mutation mutation_;
  std::vector<Mutation> writes_;
};

TEST_F(WriteTest, AStatementIsOneWrite) {
  EXPECT_THAT(Cut("n1 7/1 insert@100 a=x b=1"), ElementsAre("r100 m 2"));
  EXPECT_THAT(Cut("n1 7/1 set@100 a=x t={p,q}"), ElementsAre("r100x 3"));
  EXPECT_THAT(Cut("n1 7/1 delete@100"), ElementsAre("r100 d 0"));
  EXPECT_THAT(Cut("n1 7 delete@100"), ElementsAre("P100"));
  EXPECT_THAT(Cut("n1 7/[1,2] delete@100"), ElementsAre("R100"));
  EXPECT_THAT(Cut("n1 7/static set@100 s=x"), ElementsAre("S100 1"));
}

TEST_F(WriteTest, RowsAndTimesAreCutApart) {
  EXPECT_THAT(Cut("n1 7/2 insert@100 a=x & 7/1 set@100 b=1 & 7/static set@90 s=y & 7/[5,6] delete@80"),
              ElementsAre("R80", "S90 1", "r100 1", "r100 m 1"));
  EXPECT_THAT(Cut("n1 7/1 set@100 a=x & 7/1 set@102 b=1"), ElementsAre("r100 1", "r102 1"));
}

TEST_F(WriteTest, ADeletionOneOlderThanDataBelongsToIt) {
  EXPECT_THAT(Cut("n1 7/1 delete@99 & 7/1 insert@100 a=x"), ElementsAre("r100 m d 1"));
  EXPECT_THAT(Cut("n1 7/1 set@99 a=null & 7/1 set@100 b=1"), ElementsAre("r100 2"));
  EXPECT_THAT(Cut("n1 7/1 set@98 a=null & 7/1 set@100 b=1"), ElementsAre("r98 1", "r100 1"));
  // Of live data a time apart nothing is joined.
  EXPECT_THAT(Cut("n1 7/1 set@99 a=x & 7/1 set@100 b=1"), ElementsAre("r99 1", "r100 1"));
  // A tombstone is no data, but an emptied collection beside it is the same statement's.
  EXPECT_THAT(Cut("n1 7/1 delete@99 & 7/1 set@100 b=null"), ElementsAre("r99 d 0", "r100 1"));
  EXPECT_THAT(Cut("n1 7/1 set@100 b=null t={}"), ElementsAre("r100x 1"));
}

TEST_F(WriteTest, ThereIsNoChain) {
  EXPECT_THAT(Cut("n1 7/1 delete@98 & 7/1 set@99 a=null & 7/1 set@100 b=1"), ElementsAre("r98 d 0", "r100 2"));
}

TEST_F(WriteTest, OrderIsByTimeThenDeletionsThenKey) {
  const std::vector<std::string> lines = {"n1 7/1 set@99 a=x",     "n1 7 delete@100",       "n1 7/[,1] delete@100",
                                          "n1 7/[,2] delete@100",  "n1 7/[1,] delete@100",  "n1 7/static set@100 s=x",
                                          "n1 7/1 insert@100 a=x", "n1 7/2 insert@100 a=x", "n1 7 delete@101"};
  for (size_t i = 1; i < lines.size(); ++i) {
    const Mutation before = Only(lines[i - 1]);
    const Mutation after = Only(lines[i]);
    EXPECT_LT(OrderOf(before), OrderOf(after)) << lines[i - 1] << " and " << lines[i];
    EXPECT_FALSE(SameWrite(before, after));
    EXPECT_TRUE(SameWrite(after, after));
  }
}

TEST_F(WriteTest, ACountersOrderIsItsGreatestClock) {
  schema_ = counters_;
  const Mutation one = Only("n1 7/1 set@500 x=A:20:1");
  const Mutation two = Only("n1 7/1 set@100 x=A:30:1");
  const Mutation repaired = Only("n1 7/1 set@500 x=A:20:1+B:10:7");
  const Mutation other_leader = Only("n1 7/1 set@500 x=B:20:1");
  EXPECT_LT(OrderOf(one), OrderOf(two));
  EXPECT_TRUE(SameWrite(one, repaired));
  EXPECT_FALSE(SameWrite(one, other_leader));
  EXPECT_FALSE(SameWrite(one, Only("n1 7/1 set@501 x=A:20:1")));
  EXPECT_EQ(OrderOf(Only("n1 7/1 set@100 x=null")).time, WriteTime{100});
}

TEST_F(WriteTest, CopiesJoinAtTheLeastPosition) {
  const Mutation copies[] = {Only("n2 7/1 set@100 a=x"), Only("n1 7/1 insert@100 b=1"),
                             Only("n3 7/1 set@100 a=x t={p}")};
  const Result<Mutation> joined = JoinCopies(copies, UnixSeconds{0}, &arena_);
  ASSERT_TRUE(joined.has_value());
  EXPECT_EQ(joined->position, copies[1].position);
  const RowUpdate& row = RowOf(*joined);
  EXPECT_EQ(row.cells.size(), 3u);
  EXPECT_EQ(row.complex_deletions.size(), 1u);
  EXPECT_EQ(row.liveness.at, WriteTime{100});
}

// Three writes at one time: of a short life, its tombstone (written, or what was left of it), and of a long life. To
// Cassandra the tombstone wins, whatever comes first.
TEST_F(WriteTest, WhatRanOutIsPutBackWhateverTheOrderOfItsCopies) {
  const Mutation writes[] = {Only("n1 7/1 set@100~160 a=short"), Only("n1 7/1 set@100!100 a=null"),
                             Only("n1 7/1 set@100~900 a=long")};
  int order[] = {0, 1, 2};
  do {
    const Mutation copies[] = {writes[order[0]], writes[order[1]], writes[order[2]]};
    const Result<Mutation> joined = JoinCopies(copies, UnixSeconds{500}, &arena_);
    ASSERT_TRUE(joined.has_value());
    ASSERT_EQ(RowOf(*joined).cells.size(), 1u);
    EXPECT_EQ(RowOf(*joined).cells[0], RowOf(writes[0]).cells[0]) << order[0] << order[1] << order[2];
  } while (std::ranges::next_permutation(order).found);
}

TEST_F(WriteTest, AFragmentOfDeletionsIsAbsorbedByItsWrite) {
  const Mutation write = Only("n1 7/1 set@100 a=x t={p}");
  EXPECT_TRUE(IsAbsorbedBy(Only("n2 7/1 set@100 t={}"), write));
  EXPECT_FALSE(IsAbsorbedBy(Only("n2 7/2 set@100 t={}"), write));
  EXPECT_FALSE(IsAbsorbedBy(Only("n2 7/1 set@99 t={}"), write));
  EXPECT_FALSE(IsAbsorbedBy(Only("n2 7/1 set@100!9 t={}"), write));
  EXPECT_FALSE(IsAbsorbedBy(Only("n2 7/1 set@99 a=x"), write));
  EXPECT_FALSE(IsAbsorbedBy(Only("n2 7 delete@99"), write));
}

}  // namespace
}  // namespace braid::testing
