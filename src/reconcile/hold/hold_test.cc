#include "reconcile/hold/hold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcile/hold/arrival_history.h"
#include "reconcile/hold/news.h"
#include "reconcile/memory/memory_state.h"
#include "reconcile/reconciler.h"
#include "reconcile/testing/toy_change.h"
#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_table.h"

namespace braid::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kWindow = 1000;
constexpr int64_t kTimeout = 10'000;

class HoldTest : public ::testing::Test {
 protected:
  HoldTest() : schema_(WithId("t (id int key, n int clustering, s text static, a text, b text, l set<text>)")) {
    schemas_.Add(schema_);
  }

  static TableSchemaPtr WithId(std::string_view text) {
    TableSchema schema = *ParseTable(text);
    schema.id = ComputeSchemaId(schema);
    return std::make_shared<const TableSchema>(std::move(schema));
  }

  void Make(const Hold::Options& options) {
    hold_.emplace(options, &schemas_, [this](const Mutation& write) -> Result<bool> {
      Arena arena;
      return IsNews(&state_, write, &arena);
    });
  }
  void MakeWindow() { Make({.window_us = kWindow}); }
  void MakeQuorum(int64_t window_us = 0) {
    Make({.window_us = window_us, .quorum = true, .confirm_timeout_us = kTimeout});
  }

  // Adds what the line says and gives what comes out, as of `now`.
  std::vector<std::string> Add(int64_t now, std::string_view line) {
    const Mutation mutation = reader_.Read(*schema_, line, &arena_);
    const Status status = hold_->Add(mutation, now, ++number_);
    EXPECT_TRUE(status.has_value()) << status.error().message;
    return Out(now);
  }

  // "7/1 @100", each with "?" if it is not confirmed and "!" if it comes early, merged into the state.
  std::vector<std::string> Out(int64_t now) {
    std::vector<std::string> out;
    for (;;) {
      const Result<const Hold::Held*> held = hold_->Next(now);
      EXPECT_TRUE(held.has_value());
      if (!held.has_value() || *held == nullptr) return out;
      const Mutation& write = (*held)->write;
      const bool of_row = TargetOf(write) == Target::kRow || TargetOf(write) == Target::kStatic;
      out.push_back(KeyText(*schema_, write.partition_key, of_row ? RowOf(write).clustering : ByteView()) + " @" +
                    std::to_string(WriteTimeOf(write).us) + ((*held)->confirmed ? "" : "?") +
                    ((*held)->early ? "!" : ""));
      EXPECT_TRUE(reconciler_.ApplyWrite(write, UnixSeconds{0}, sink_).has_value());
      hold_->Pop();
    }
  }

  TableSchemaPtr schema_;
  SchemaSet schemas_;
  Arena arena_;
  ToyReader reader_;
  uint64_t number_ = 0;
  MemoryState state_;
  Reconciler reconciler_{{}, &state_};
  TextSink sink_;
  std::optional<Hold> hold_;
};

TEST_F(HoldTest, AWriteWaitsForItsWindow) {
  MakeWindow();
  EXPECT_THAT(Add(5000, "n1 7/1 set@100 a=x"), IsEmpty());
  EXPECT_EQ(hold_->due_us(), 6000);
  EXPECT_EQ(hold_->oldest_number(), 1u);
  EXPECT_THAT(Out(5999), IsEmpty());
  EXPECT_THAT(Out(6000), ElementsAre("7/1 @100"));
  EXPECT_EQ(hold_->oldest_number(), std::nullopt);
  EXPECT_EQ(hold_->due_us(), std::nullopt);
  EXPECT_EQ(hold_->stats().held_bytes, 0u);
}

TEST_F(HoldTest, OlderWritesOfThePartitionComeFirst) {
  MakeWindow();
  Add(0, "n1 7/1 set@100 a=x");
  Add(400, "n1 7/2 set@99 a=y");
  Add(500, "n1 8/1 set@98 a=z");
  Add(600, "n1 7/1 set@101 a=z");
  EXPECT_THAT(Out(1000), ElementsAre("7/2 @99", "7/1 @100"));
  EXPECT_THAT(Out(1500), ElementsAre("8/1 @98"));
  EXPECT_THAT(Out(1600), ElementsAre("7/1 @101"));
}

TEST_F(HoldTest, AMutationIsCutByTime) {
  MakeWindow();
  Add(0, "n1 7/1 set@100 a=x & 7/1 set@90 b=y & 7/2 set@95 a=z");
  EXPECT_THAT(Out(1000), ElementsAre("7/1 @90", "7/2 @95", "7/1 @100"));
}

TEST_F(HoldTest, CopiesAndFragmentsAreJoined) {
  MakeWindow();
  Add(0, "n2 7/1 set@100 a=x");
  Add(10, "n1 7/1 set@100 a=x");
  Add(20, "n3 7/1 insert@100 b=y");
  EXPECT_EQ(hold_->stats().held, 1u);
  EXPECT_THAT(Out(1000), ElementsAre("7/1 @100"));
  EXPECT_THAT(sink_.lines, ElementsAre("c 7/1 @100 r1 write [a, b] null -> {a: x, b: y, l: null}"));
  EXPECT_EQ(hold_->stats().joined, 2u);
}

TEST_F(HoldTest, APieceOfDeletionsIsLeftToItsWrite) {
  MakeWindow();
  Add(0, "n2 7/1 set@100 l={}");  // the deletion alone, 1 µs older
  Add(500, "n1 7/1 set@100 l={p,q}");
  EXPECT_THAT(Out(1000), IsEmpty());
  EXPECT_EQ(hold_->oldest_number(), 2u);
  EXPECT_THAT(Out(1500), ElementsAre("7/1 @100"));
}

TEST_F(HoldTest, AClockThatStepsBackHoldsNothingUp) {
  MakeWindow();
  Add(1'000'000, "n1 7/1 set@100 a=x");
  EXPECT_THAT(Out(0), IsEmpty());
  EXPECT_EQ(hold_->due_us(), 1000);
  EXPECT_THAT(Out(1000), ElementsAre("7/1 @100"));
}

TEST_F(HoldTest, PastItsLimitTheOldestComeEarly) {
  Make({.window_us = kWindow, .limit_bytes = 2000});
  std::vector<std::string> out;
  for (int i = 0; i < 4; ++i) {
    for (const std::string& write : Add(i, "n1 " + std::to_string(i) + "/1 set@" + std::to_string(100 + i) + " a=x")) {
      out.push_back(write);
    }
  }
  EXPECT_THAT(out, IsEmpty());
  EXPECT_THAT(Add(5, "n1 0/1 set@50 a=" + std::string(600, 'x')), ElementsAre("0/1 @50!", "0/1 @100!"));
  EXPECT_EQ(hold_->stats().early, 2u);
  EXPECT_EQ(hold_->stats().held, 3u);
}

TEST_F(HoldTest, ATableIsReleasedInOrder) {
  MakeQuorum(kWindow);
  Add(0, "n1 7/1 set@100 a=x");
  Add(1, "n1 7/1 set@99 b=x");
  TableId other;
  hold_->Release(other);
  EXPECT_THAT(Out(2), IsEmpty());
  hold_->Release(schema_->table_id);
  EXPECT_THAT(Out(2), ElementsAre("7/1 @99?", "7/1 @100?"));
  EXPECT_EQ(hold_->stats().early, 0u);
}

TEST_F(HoldTest, NextStaysUntilPop) {
  MakeWindow();
  const Mutation mutation = reader_.Read(*schema_, "n1 7/1 set@100 a=x", &arena_);
  ASSERT_TRUE(hold_->Add(mutation, 0, 1).has_value());
  ASSERT_NE(*hold_->Next(1000), nullptr);
  EXPECT_EQ(hold_->oldest_number(), 1u);
  EXPECT_THAT(Add(1000, "n1 7/1 set@99 a=y"), ElementsAre("7/1 @99", "7/1 @100"));
}

TEST_F(HoldTest, ASecondNodeConfirms) {
  MakeQuorum();
  EXPECT_THAT(Add(0, "n1 7/1 set@100 a=x"), IsEmpty());
  EXPECT_THAT(Add(1, "n1 7/1 set@100 a=x"), IsEmpty()) << "the same node says nothing new";
  EXPECT_THAT(Add(2, "n2 7/1 set@100 a=x"), ElementsAre("7/1 @100"));
  // What is merged does not wait again.
  EXPECT_THAT(Add(3, "n3 7/1 set@100 a=x"), ElementsAre("7/1 @100"));
  EXPECT_EQ(sink_.lines.size(), 1u);
  EXPECT_EQ(hold_->stats().unconfirmed, 0u);
}

TEST_F(HoldTest, ATimeoutPublishesUnconfirmed) {
  MakeQuorum();
  Add(0, "n1 7/1 set@100 a=x");
  EXPECT_EQ(hold_->due_us(), kTimeout);
  EXPECT_THAT(Out(kTimeout - 1), IsEmpty());
  EXPECT_THAT(Out(kTimeout), ElementsAre("7/1 @100?"));
  EXPECT_EQ(hold_->stats().unconfirmed, 1u);
}

TEST_F(HoldTest, WhatSupersedesConfirms) {
  MakeQuorum();
  Add(0, "n1 7/1 set@100 a=x");
  EXPECT_THAT(Add(1, "n2 7/1 set@101 b=x"), IsEmpty()) << "another column";
  EXPECT_THAT(Add(2, "n2 7/1 set@99 a=x"), ElementsAre("7/1 @99")) << "n1 has newer";
  EXPECT_THAT(Add(3, "n2 7/1 set@101 a=y"), ElementsAre("7/1 @100"));
  Add(10, "n1 8/1 set@100 a=x b=y");
  EXPECT_THAT(Add(11, "n3 8 delete@100"), ElementsAre("8/1 @100"));
  Add(20, "n1 9/1 set@100 a=x");
  EXPECT_THAT(Add(21, "n3 9/[2,3] delete@100"), IsEmpty());
  EXPECT_THAT(Add(22, "n3 9/[1,2] delete@100"), ElementsAre("9/1 @100"));
  Add(30, "n1 6/1 delete@100");
  EXPECT_THAT(Add(31, "n2 6/1 delete@101"), ElementsAre("6/1 @100"));
}

TEST_F(HoldTest, ANodeMayLogItInPieces) {
  MakeQuorum();
  Add(0, "n1 7/1 insert@100 a=x b=y");
  EXPECT_THAT(Add(1, "n2 7/1 set@101 a=z"), IsEmpty());
  EXPECT_THAT(Add(2, "n3 7/1 set@102 b=z"), IsEmpty());
  EXPECT_THAT(Add(3, "n3 7/1 set@103 a=z"), ElementsAre("7/1 @101")) << "nobody else has the marker of the first";
  EXPECT_THAT(Add(4, "n2 7/1 insert@104 b=z"), ElementsAre("7/1 @100", "7/1 @102"));
}

TEST_F(HoldTest, RangesMayBeCoveredByPieces) {
  MakeQuorum();
  Add(0, "n1 7/[1,4] delete@100");
  EXPECT_THAT(Add(1, "n2 7/[1,3) delete@101"), IsEmpty());
  EXPECT_THAT(Add(2, "n2 7/(3,9] delete@101"), IsEmpty()) << "3 itself is not";
  EXPECT_THAT(Add(3, "n2 7/[2,3] delete@100"), ElementsAre("7 @100", "7 @100")) << "n1 has the piece, too";
}

TEST_F(HoldTest, WhatWaitedAlreadyConfirmsTheOlder) {
  MakeQuorum();
  EXPECT_THAT(Add(0, "n2 7/1 set@101 a=y"), IsEmpty());
  EXPECT_THAT(Add(1, "n1 7/1 set@100 a=x"), ElementsAre("7/1 @100"));
}

TEST_F(HoldTest, AFragmentThatAddsNeedsItsOwnMajority) {
  Make({.window_us = kWindow, .quorum = true, .confirm_timeout_us = kTimeout});
  Add(0, "n1 7/1 set@100 a=x");
  Add(1, "n2 7/1 set@100 a=x");
  Add(2, "n3 7/1 set@100 a=x b=y");
  EXPECT_THAT(Out(kWindow), IsEmpty());
  EXPECT_THAT(Add(kWindow + 1, "n1 7/1 set@100 b=y"), ElementsAre("7/1 @100"));
}

TEST_F(HoldTest, WhatAThirdNodeLoggedCountsToo) {
  MakeQuorum(kWindow);
  for (const char* node : {"n1", "n2", "n3"}) Add(0, node + std::string(" 7/1 set@100 a=x"));
  for (const char* node : {"n2", "n3"}) Add(1, node + std::string(" 7/1 set@100 b=y"));
  EXPECT_THAT(Out(kWindow), ElementsAre("7/1 @100"));
}

TEST_F(HoldTest, ALatePieceNeedsOnlyItsOwnMajority) {
  MakeQuorum();
  Add(0, "n1 7/1 set@100 a=x");
  EXPECT_THAT(Add(1, "n2 7/1 set@100 a=x"), ElementsAre("7/1 @100"));
  EXPECT_THAT(Add(2, "n1 7/1 set@100 b=y"), IsEmpty());
  EXPECT_THAT(Add(3, "n3 7/1 set@100 a=x"), IsEmpty());
  EXPECT_THAT(Add(4, "n3 7/1 set@100 b=y"), ElementsAre("7/1 @100"));
}

TEST_F(HoldTest, WithAWindowTheUnconfirmedKeepBackWhatIsNear) {
  MakeQuorum(kWindow);
  Add(0, "n1 7/1 set@100 a=x");
  Add(500, "n1 7/2 set@101 a=x");
  Add(501, "n2 7/2 set@101 a=x");
  Add(1600, "n1 7/3 set@102 a=x");
  Add(1601, "n2 7/3 set@102 a=x");
  // 7/2 is confirmed, but near 7/1; 7/3 is near neither.
  EXPECT_THAT(Out(1700), IsEmpty());
  EXPECT_THAT(Out(2600), ElementsAre("7/3 @102"));
  EXPECT_THAT(Out(kTimeout), ElementsAre("7/1 @100?", "7/2 @101"));
}

TEST_F(HoldTest, TheHostSaysHowManyNodes) {
  hold_.emplace(
      Hold::Options{.quorum = true}, &schemas_, [](const Mutation&) -> Result<bool> { return true; },
      [](const TableSchema&) { return size_t{1}; });
  EXPECT_THAT(Add(0, "n1 7/1 set@100 a=x"), ElementsAre("7/1 @100"));
}

TEST_F(HoldTest, AFailedNewsCheckMayBeTriedAgain) {
  bool fail = true;
  hold_.emplace(Hold::Options{.quorum = true}, &schemas_, [&](const Mutation& write) -> Result<bool> {
    if (fail && RowOf(write).key == RowKey(*schema_, {"2"})) return IoError("no");
    return true;
  });
  const Mutation mutation = reader_.Read(*schema_, "n1 7/1 set@100 a=x & 7/2 set@100 a=x", &arena_);
  EXPECT_FALSE(hold_->Add(mutation, 0, 1).has_value());
  fail = false;
  EXPECT_TRUE(hold_->Add(mutation, 0, 1).has_value());
  EXPECT_THAT(Add(1, "n2 7/1 set@100 a=x & 7/2 set@100 a=x"), ElementsAre("7/1 @100", "7/2 @100"));
}

TEST_F(HoldTest, CountersAreConfirmedShardByShard) {
  schema_ = WithId("c (id int key, n int clustering, x counter)");
  schemas_.Add(schema_);
  MakeQuorum();
  Add(0, "n1 7/1 set@100 x=A:5:17+B:3:1");
  EXPECT_THAT(Add(1, "n2 7/1 set@102 x=A:4:16"), IsEmpty());
  EXPECT_THAT(Add(2, "n2 7/1 set@101 x=A:6:18"), IsEmpty()) << "of B nothing is known";
  EXPECT_THAT(Add(3, "n2 7/1 set@101 x=B:3:1"), ElementsAre("7/1 @100"));
}

TEST(ArrivalHistory, GivesWhatWasNotedBefore) {
  ArrivalHistory<std::string> history("start");
  history.Note(3, "a");
  history.Note(3, "b");
  history.Note(7, "c");
  EXPECT_EQ(history.AsOf(2), "start");
  EXPECT_EQ(history.AsOf(3), "b");
  EXPECT_EQ(history.AsOf(6), "b");
  EXPECT_EQ(history.size(), 2u);
  EXPECT_EQ(history.Newest(), "c");
  EXPECT_EQ(history.AsOf(8), "c");
}

}  // namespace
}  // namespace braid::testing
