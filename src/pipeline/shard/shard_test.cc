#include "pipeline/shard/shard.h"

#include <fmt/format.h>

#include "pipeline/shard/testing/shard_fixture.h"

namespace braid {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST_F(ShardTest, CopiesGiveOneChange) {
  Take(Write("n1 7 insert@100 title=Fargo"));
  Take(Write("n2 7 insert@100 title=Fargo"));
  EXPECT_THAT(Published(), ElementsAre("c 7 @100 r1 write [title] null -> {title: Fargo}"));
  EXPECT_EQ(shard_->stats().reconcile.copies, 1u);
}

TEST_F(ShardTest, WhatWasNotCommittedIsTakenAgain) {
  const Message first = Write("n1 7 insert@100 title=Fargo");
  const Message second = Write("n1 7 set@200 title=Fargo2");
  Take(first);
  Published();
  Take(second);
  Start();
  EXPECT_EQ(shard_->committed().nodes.at(0).position, first.position);
  Take(first);
  Take(second);
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("c 7 @100 r1"), HasSubstr("u 7 @200 r2")));
}

TEST_F(ShardTest, AFullDiskLosesNothing) {
  Take(Write("n1 7 insert@100 title=Fargo"));
  timeline_.full = true;
  EXPECT_EQ(shard_->Commit(1).error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(shard_->has_changes());
  EXPECT_EQ(shard_->committed(), ShardMark());
  timeline_.full = false;
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("c 7 @100 r1")));
}

TEST_F(ShardTest, ATtlRunsOutWhenEveryNodePassedIt) {
  Take(Write("n1 7 insert@100000000~160 title=Fargo"));
  Take(Progress(1, 10, 170));
  Tick();
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("c 7 ")));
  // The other node's log may still hold a refresh.
  Take(Write("n2 7 insert@101000000~200 title=Fargo"));
  Take(Progress(2, 10, 170));
  Tick();
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("c 7 "), HasSubstr("u 7 ")));
  Take(Progress(1, 11, 201));
  Take(Progress(2, 11, 201));
  Tick();
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("c 7 "), HasSubstr("u 7 "), HasSubstr("d 7 @200000000 r3 ttl")));
}

TEST_F(ShardTest, ARetiredNodeHoldsNothingBack) {
  Take(Write("n1 7 insert@100000000~160 title=Fargo"));
  Take(Progress(1, 10, 170));
  Message retired;
  retired.kind = Message::Kind::kRetired;
  retired.position.node = {2};
  Take(retired);
  Tick();
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("c 7 "), HasSubstr("d 7 ")));
}

TEST_F(ShardTest, ATruncationCutsEachNodesLog) {
  Take(Write("n1 7 insert@100 title=old"));                 // at n1:1
  const Message copy = Write("n2 7 insert@100 title=old");  // at n2:1
  Take(Truncation(1, 1, 5));
  // Logged before its node's cut, read after the other's.
  Take(copy);
  Take(Truncation(2, 1, 5));
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("c 7 @100 r1"), HasSubstr("t * @500")));
  Message fresh = Write("n1 7 insert@600 title=new");
  fresh.position.offset = 6;
  Take(fresh);
  EXPECT_THAT(Published().back(), HasSubstr("c 7 @600 r1 write [title] null -> {title: new}"));
  // The same truncation told again changes nothing.
  Take(Truncation(2, 1, 5));
  EXPECT_EQ(Published().size(), 3u);
}

TEST_F(ShardTest, ATruncationIsToldRowByRowToThoseWhoWantThat) {
  truncate_rows_ = true;
  Start();
  Take(Write("n1 7 insert@100 title=one"));
  Take(Write("n1 7 set@200 title=two"));
  Take(Write("n1 8 insert@100 title=gone"));
  Take(Write("n1 8 delete@150"));
  Take(Truncation(1, 4, 5));
  Take(Truncation(2, 1, 5));
  EXPECT_THAT(Published(),
              ElementsAre(HasSubstr("c 7 @100 r1"), HasSubstr("u 7 @200 r2"), HasSubstr("c 8 @100 r1"),
                          HasSubstr("d 8 @150 r2"), HasSubstr("d 7 @500 r3 truncate"), HasSubstr("t * @500")));
  EXPECT_THAT(Published()[4], HasSubstr("{title: two} -> null"));
}

// The disk takes a commit between the rows, and the process dies before the truncation is done.
TEST_F(ShardTest, ATruncationThatIsBegunAnewTellsOfNoRowTwice) {
  truncate_rows_ = true;
  commit_bytes_ = 1;
  Start();
  constexpr int kRows = 600;
  for (int row = 0; row < kRows; ++row) Take(Write(fmt::format("n1 {} insert@100 title=x", row)));
  ASSERT_EQ(Published().size(), kRows);
  int commits = 0;
  commit_ = [&]() -> Status {
    if (++commits == 2) return IoError("the process dies here");
    return shard_->Commit(1'000);
  };
  Start();
  EXPECT_FALSE(shard_->Take(Truncation(1, kRows, kRows + 1), 0).has_value());
  commit_ = {};
  Start();
  Take(Truncation(1, kRows, kRows + 1));
  const std::vector<std::string>& published = Published();
  EXPECT_EQ(std::ranges::count_if(published, [](const std::string& line) { return line.starts_with("d "); }), kRows);
  EXPECT_THAT(published.back(), HasSubstr("t * @500"));
}

TEST_F(ShardTest, WhatWasLoggedBetweenCutAndWordCounts) {
  Take(Write("n1 7 insert@100 title=old"));  // at n1:1
  const Message between = Write("n1 8 insert@200 title=new");
  Take(between);
  Take(Truncation(1, 1, 5));
  Message again = between;
  again.again = true;
  Take(again);
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("c 7 @100"), HasSubstr("c 8 @200"), HasSubstr("t * "),
                                       HasSubstr("c 8 @200 r1 write [title] null -> {title: new}")));
}

TEST_F(ShardTest, AGapIsToldOnceAndOnceMoreWhenItIsClosed) {
  Message message;
  message.kind = Message::Kind::kGap;
  message.gap.id = 9;
  Take(message);
  Take(message);
  Published();
  Start();
  Take(message);
  message.gap.open = false;
  Take(message);
  Take(message);
  EXPECT_THAT(Published(), ElementsAre("gap opened", "gap closed"));
  EXPECT_TRUE(shard_->committed().gaps.empty());
}

TEST_F(ShardTest, WhatWaitsHoldsThePositionsOfAllNodes) {
  hold_.window_us = 1'000;
  Start();
  Take(Progress(1, 1, 50));
  Take(Progress(2, 1, 50));
  Message late = Write("n1 7 set@200 title=second");
  late.position.offset = 2;
  ASSERT_TRUE(shard_->Take(late, 10).has_value());
  Message early = Write("n2 7 insert@100 title=first");
  early.position.offset = 2;
  ASSERT_TRUE(shard_->Take(early, 20).has_value());
  Take(Progress(1, 3, 60));
  Take(Progress(2, 3, 60));
  EXPECT_TRUE(Published().empty());
  EXPECT_EQ(shard_->committed().nodes.at(0).position.offset, 1u);
  EXPECT_EQ(shard_->committed().nodes.at(1).position.offset, 1u);
  EXPECT_EQ(*shard_->due_us(), 1'010);
  ASSERT_TRUE(shard_->Tick(1'010).has_value());
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("c 7 @100"), HasSubstr("u 7 @200")));
  EXPECT_EQ(shard_->committed().nodes.at(1).position.offset, 3u);
}

TEST_F(ShardTest, AWriteOfOneNodeIsUnconfirmed) {
  hold_.quorum = true;
  hold_.confirm_timeout_us = 1'000;
  Start();
  ASSERT_TRUE(shard_->Take(Write("n1 7 insert@100 title=a"), 0).has_value());
  ASSERT_TRUE(shard_->Take(Write("n1 8 insert@100 title=b"), 0).has_value());
  ASSERT_TRUE(shard_->Take(Write("n2 8 insert@100 title=b"), 10).has_value());
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("c 8")));
  ASSERT_TRUE(shard_->Tick(1'000).has_value());
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("c 8"), HasSubstr("c 7")));
  EXPECT_EQ(shard_->stats().unconfirmed, 1u);
  EXPECT_EQ(timeline_.unconfirmed, 1);
}

TEST_F(ShardTest, ALongDeletionIsCommittedInPieces) {
  commit_bytes_ = 2'000;
  UseTable("titles (id int key, n int clustering, title text)");
  Start();
  constexpr int kRows = 1'000;
  for (int n = 0; n < kRows; ++n) Take(Write(fmt::format("n1 7/{} insert@100 title=Fargo", n)));
  Published();
  const Message deletion = Write("n1 7 delete@200");
  Take(deletion);
  // Some of it is committed, with the positions before it; a crash here lets it be told again.
  const size_t told = timeline_.published.size();
  EXPECT_GT(told, size_t{kRows});
  EXPECT_LT(told, size_t{2 * kRows});
  EXPECT_LT(shard_->committed().nodes.at(0).position, deletion.position);
  Start();
  Take(deletion);
  EXPECT_EQ(Published().size(), size_t{2 * kRows});
}

TEST_F(ShardTest, TheNewestDefinitionIsUsed) {
  Take(SchemaOf());
  const Message old = Write("n1 7 insert@100 title=Fargo");
  UseTable("titles (id int key, title text, year int)");
  Take(SchemaOf());
  Take(old);
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("{title: Fargo, year: null}")));
}

TEST_F(ShardTest, ADroppedColumnEndsWhatLivedByIt) {
  UseTable("titles (id int key, title text, year int)");
  Take(SchemaOf());
  Take(Write("n1 7 set@100 title=Fargo"));
  Take(Write("n1 8 set@100 year=1996"));
  Published();
  UseTable("titles (id int key, title text dropped@150, year int)");
  Take(SchemaOf());
  Start();  // before the commit: begun anew
  Take(SchemaOf());
  EXPECT_THAT(Published().back(), HasSubstr("d 7 "));
  EXPECT_EQ(Published().size(), 3u);
}

// The registry knows of it before the word of it comes along the channel.
TEST_F(ShardTest, ADroppedColumnEndsWhatLivedByItBeforeAnythingElseIsSeenSo) {
  UseTable("titles (id int key, title text, note text)");
  Take(SchemaOf());
  Take(Write("n1 7 set@100 note=gone"));
  Take(Write("n1 8 set@100~160 note=brief"));
  Published();
  UseTable("titles (id int key, title text, note text dropped@150)");
  Take(Progress(1, 2, 170));
  Take(Progress(2, 2, 170));
  Tick();
  Take(Write("n1 7 set@200 title=Fargo"));
  Take(SchemaOf());
  EXPECT_THAT(Published(), UnorderedElementsAre(HasSubstr("c 7"), HasSubstr("c 8"), HasSubstr("d 7 @150 r2 schema"),
                                                HasSubstr("d 8"), HasSubstr("c 7 @200 r3")));
}

}  // namespace
}  // namespace braid
