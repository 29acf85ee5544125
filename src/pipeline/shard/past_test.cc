#include "pipeline/shard/past.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/shard/testing/shard_fixture.h"
#include "reconcile/reconciler.h"

namespace braid {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class PastTest : public ::testing::Test {
 protected:
  PastTest() { book_.Capture(table_); }

  // How far a pass over the table has come: to the shard's end if it is done.
  void Read(uint64_t task, bool done, int64_t to = 50) {
    const Token next{done ? INT64_MAX : to};
    mark_.snapshots[table_->table_id] = {.task = task,
                                         .done = done,
                                         .next = Reconciler::SnapshotFrom(*table_, next).next,
                                         .known = Reconciler::SnapshotFrom(*table_, rules_.tokens.after).known};
  }
  // As Shard::TakeGap does.
  void OpenGap(uint64_t id, const std::string& table = "") {
    Gap gap;
    gap.id = id;
    gap.open = true;
    gap.table = table;
    mark_.gaps.push_back(gap);
    for (auto& [name, snapshot] : mark_.snapshots) snapshot.known = snapshot.next;
  }
  std::vector<PastNeed> Needs() {
    const auto needs = NeedsOf(mark_, book_, rules_);
    EXPECT_TRUE(needs.has_value());
    return *needs;
  }
  std::vector<Gap> Healed() { return HealedGaps(mark_, book_, rules_.tokens); }

  const TableSchemaPtr table_ = testing::ParseTable("titles (id int key, title text)");
  FakeBook book_;
  ShardMark mark_;
  PastRules rules_{.tokens = {.after = {-100}, .through = {100}}};
};

TEST_F(PastTest, ATableWhoseHistoryIsKnownNeedsNothing) {
  EXPECT_THAT(Needs(), IsEmpty());
  OpenGap(7);
  rules_.gaps = false;
  EXPECT_THAT(Needs(), IsEmpty());
}

TEST_F(PastTest, ATableWithAPastIsReadOnce) {
  book_.history_known = false;
  ASSERT_THAT(Needs(), SizeIs(1));
  EXPECT_EQ(Needs()[0].task, 1u);
  EXPECT_EQ(Needs()[0].from, Token{-100});
  EXPECT_FALSE(Needs()[0].repair);
  Read(1, true);
  EXPECT_THAT(Needs(), IsEmpty());
  rules_.bootstrap = false;
  mark_.snapshots.clear();
  EXPECT_THAT(Needs(), IsEmpty());
}

TEST_F(PastTest, APassThatWasBegunGoesOn) {
  book_.history_known = false;
  Read(3, false, 20);
  ASSERT_THAT(Needs(), SizeIs(1));
  EXPECT_EQ(Needs()[0].task, 3u);
  EXPECT_EQ(Needs()[0].from, Token{20});
}

TEST_F(PastTest, AGapIsHealedByAPassThatBeganBehindIt) {
  OpenGap(7);
  EXPECT_THAT(Healed(), IsEmpty());
  ASSERT_THAT(Needs(), SizeIs(1));
  EXPECT_TRUE(Needs()[0].repair);
  Read(1, true);
  EXPECT_THAT(Healed(), SizeIs(1));
  // A second one: what was read before it was opened says nothing of it.
  OpenGap(8);
  EXPECT_THAT(Healed(), IsEmpty());
  ASSERT_THAT(Needs(), SizeIs(1));
  EXPECT_EQ(Needs()[0].task, 2u);
  EXPECT_EQ(Needs()[0].from, Token{-100});
  Read(2, true);
  EXPECT_THAT(Healed(), SizeIs(2));
}

TEST_F(PastTest, APassThatAGapFindsHalfWayBeginsAnew) {
  book_.history_known = false;
  Read(1, false, 20);
  OpenGap(7);
  ASSERT_THAT(Needs(), SizeIs(1));
  EXPECT_EQ(Needs()[0].task, 2u);
  EXPECT_EQ(Needs()[0].from, Token{-100});
}

TEST_F(PastTest, AGapOfAnotherTableIsNoneOfThisOne) {
  OpenGap(7, "toys.others");
  EXPECT_THAT(Needs(), IsEmpty());
  EXPECT_THAT(Healed(), SizeIs(1));
}

TEST_F(PastTest, NothingIsHealedWhileNoTableIsKnown) {
  OpenGap(7);
  const FakeBook empty;
  EXPECT_THAT(HealedGaps(mark_, empty, rules_.tokens), IsEmpty());
}

TEST_F(PastTest, ShardsPartTheRing) {
  for (const uint32_t shards : {1u, 3u, 4u, 7u}) {
    for (uint32_t shard = 0; shard < shards; ++shard) {
      const TokenRange range = TokensOf(shard, shards);
      EXPECT_EQ(ShardOf(range.through, shards), shard);
      EXPECT_EQ(ShardOf(range.after, shards), shard == 0 ? 0 : shard - 1);
    }
  }
}

}  // namespace
}  // namespace braid
