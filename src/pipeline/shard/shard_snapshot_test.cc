// What a shard makes of snapshots, among live writes, commits and crashes. What becomes of a row: reconcile's tests.
#include "pipeline/shard/testing/shard_fixture.h"
#include "reconcile/testing/toy_snapshot.h"

namespace braid {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class ShardSnapshotTest : public ShardTest {
 protected:
  // What all replicas have, in lines as ToyReader reads them: one row each.
  void Snapshot(const std::vector<std::string>& lines) {
    mutations_.clear();
    for (const std::string& line : lines) mutations_.push_back(reader_.Read(*table_, line, &arena_));
    pieces_ = testing::SnapshotOf(
        mutations_, [] { return size_t{1}; }, false, {1}, &arena_);
  }
  Message Say(Message::Kind kind) const {
    Message message;
    message.kind = kind;
    message.table = table_->table_id;
    message.snapshot = note_;
    return message;
  }
  void Begin() {
    ++note_.attempt;
    Message begin = Say(Message::Kind::kSnapshotBegin);
    begin.snapshot.token = {INT64_MIN};
    Take(begin);
  }
  void Give(size_t from, size_t to) {
    for (size_t i = from; i < std::min(to, pieces_.size()); ++i) {
      Message piece = Say(Message::Kind::kSnapshotPiece);
      piece.snapshot.first = pieces_[i].first;
      piece.snapshot.last = pieces_[i].last;
      AppendTransaction(&piece.bytes, {.position = {}, .mutations = {&pieces_[i].mutation, 1}});
      Take(piece);
    }
  }
  void End() {
    Message end = Say(Message::Kind::kSnapshotEnd);
    end.snapshot.token = {INT64_MAX};
    end.snapshot.done = true;
    Take(end);
  }
  void GiveAll() {
    Begin();
    Give(0, SIZE_MAX);
    End();
  }
  bool IsDone() const {
    const auto place = shard_->committed().snapshots.find(table_->table_id);
    return place != shard_->committed().snapshots.end() && place->second.task == note_.task && place->second.done;
  }
  Message Gap(bool open) const {
    Message message;
    message.kind = Message::Kind::kGap;
    message.gap.id = 5;
    message.gap.open = open;
    return message;
  }

  SnapshotNote note_{.task = 9, .attempt = 0, .whole = true};
  std::vector<Mutation> mutations_;
  std::vector<testing::ToyPiece> pieces_;
};

TEST_F(ShardSnapshotTest, WhatWasThereIsReadOnce) {
  registry_.history_known = false;
  Snapshot({"n1 7 insert@100 title=Fargo", "n1 8 insert@110 title=Heat"});
  GiveAll();
  EXPECT_THAT(Published(), UnorderedElementsAre(HasSubstr("r 7 @100 r1 backfill"), HasSubstr("r 8 @110 r1 backfill")));
  EXPECT_TRUE(IsDone());
  GiveAll();
  Take(Write("n1 7 insert@100 title=Fargo"));
  EXPECT_EQ(Published().size(), 2u);
  // A row that nobody has was never there.
  Take(Write("n1 9 insert@200 title=Alien"));
  EXPECT_EQ(Published().back(), "c 9 @200 r1 write [title] null -> {title: Alien}");
}

TEST_F(ShardSnapshotTest, AnotherTaskBeginsAnew) {
  Snapshot({"n1 7 insert@100 title=Fargo"});
  GiveAll();
  Published();
  EXPECT_TRUE(IsDone());
  note_.task = 10;
  Begin();
  Published();
  EXPECT_FALSE(IsDone());
  Give(0, 1);
  End();
  EXPECT_EQ(Published().size(), 1u);
  EXPECT_TRUE(IsDone());
}

TEST_F(ShardSnapshotTest, WhatTheSnapshotLacksIsGoneUnlessItWasTouched) {
  for (const char* line : {"n1 1 insert@100 title=a", "n1 2 insert@100 title=b", "n1 3 insert@100 title=c"}) {
    Take(Write(line));
  }
  Published();
  Snapshot({"n1 1 insert@100 title=a"});
  note_.repair = true;
  Begin();
  Take(Write("n2 2 insert@100 title=b"));
  Give(0, 1);
  End();
  const std::vector<std::string> told = Published();
  ASSERT_EQ(told.size(), 4u);
  EXPECT_THAT(told[3], HasSubstr("d 3 @100 r2 repair"));
}

TEST_F(ShardSnapshotTest, GoesOnAfterACrash) {
  registry_.history_known = false;
  Snapshot({"n1 1 insert@100 title=a", "n1 2 insert@100 title=b", "n1 3 insert@100 title=c"});
  Begin();
  Give(0, 1);
  Published();
  Give(1, 2);
  Start();
  EXPECT_FALSE(IsDone());
  Begin();
  Give(0, 3);
  End();
  EXPECT_EQ(Published().size(), 3u);
  EXPECT_THAT(Published(), UnorderedElementsAre(HasSubstr("r 1 "), HasSubstr("r 2 "), HasSubstr("r 3 ")));
  EXPECT_TRUE(IsDone());
}

TEST_F(ShardSnapshotTest, OfAnOlderAttemptNothingCounts) {
  Snapshot({"n1 7 insert@100 title=Fargo"});
  Begin();
  Begin();
  --note_.attempt;
  Give(0, 1);
  End();
  EXPECT_THAT(Published(), IsEmpty());
  EXPECT_FALSE(IsDone());
}

TEST_F(ShardSnapshotTest, ATruncationMakesItUseless) {
  Take(Progress(1, 10, 1));
  Snapshot({"n1 7 insert@100 title=Fargo"});
  Begin();
  Take(Truncation(1, 20, 30));
  EXPECT_THAT(shard_->UselessSnapshots(), ElementsAre(std::pair(table_->table_id, note_.attempt)));
  Give(0, 1);
  End();
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("t ")));
  EXPECT_FALSE(IsDone());
  Snapshot({});
  GiveAll();
  EXPECT_THAT(shard_->UselessSnapshots(), IsEmpty());
  Published();
  EXPECT_TRUE(IsDone());
}

TEST_F(ShardSnapshotTest, TooManyWritesMakeItUseless) {
  touched_rows_ = 2;
  Start();
  Snapshot({});
  Begin();
  for (int i = 0; i < 3; ++i) Take(Write("n1 " + std::to_string(i) + " insert@100 title=x"));
  EXPECT_EQ(shard_->UselessSnapshots().size(), 1u);
  End();
  EXPECT_EQ(Published().size(), 3u);
  EXPECT_FALSE(IsDone());
}

TEST_F(ShardSnapshotTest, WhatIsNotWholeIsGivenAgain) {
  for (const char* line : {"n1 1 insert@100 title=a", "n1 2 insert@100 title=b"}) Take(Write(line));
  Published();
  Snapshot({"n1 1 insert@100 title=a", "n1 3 insert@100 title=c"});
  note_.whole = false;
  Begin();
  Give(0, 2);
  EXPECT_THAT(Published(), ElementsAre(HasSubstr("c 1"), HasSubstr("c 2"), HasSubstr("r 3")));
  Start();
  note_.whole = true;
  GiveAll();
  EXPECT_THAT(Published().back(), HasSubstr("d 2 @100 r2 repair"));
  EXPECT_EQ(Published().size(), 4u);
}

TEST_F(ShardSnapshotTest, WhatIsGivenUpHoldsNothingUp) {
  Begin();
  Published();
  EXPECT_FALSE(IsDone());
  note_.attempt = UINT64_MAX;
  note_.given_up = true;
  End();
  Published();
  EXPECT_TRUE(IsDone());
}

TEST_F(ShardSnapshotTest, AComparisonTellsAndChangesNothing) {
  for (const char* line : {"n1 1 insert@100 title=a", "n1 2 insert@100 title=b", "n1 3 insert@100 title=c"}) {
    Take(Write(line));
  }
  const std::vector<std::string> told = Published();
  Snapshot({"n1 1 insert@100 title=a", "n1 2 insert@100 title=b & 2 set@150 title=x", "n1 4 insert@100 title=d"});
  note_.compare = true;
  GiveAll();
  const ComparisonStats& found = shard_->comparisons().at(note_.attempt);
  EXPECT_TRUE(found.done);
  EXPECT_EQ(found.missing, 1u);
  EXPECT_EQ(found.extra, 1u);
  EXPECT_EQ(found.stale, 1u);
  EXPECT_EQ(found.different, 0u);
  EXPECT_EQ(found.samples.size(), 3u);
  EXPECT_EQ(Published(), told);
  EXPECT_THAT(shard_->committed().snapshots, IsEmpty());
}

TEST_F(ShardSnapshotTest, WhileAGapIsOpenNoRowIsCalledComplete) {
  Take(Write("n1 1 insert@100 title=a"));
  Take(Gap(true));
  Take(Write("n1 1 set@200 title=b"));
  EXPECT_THAT(Published().at(2), HasSubstr("incomplete"));
  Snapshot({"n1 1 insert@100 title=a & 1 set@200 title=b"});
  note_.repair = true;
  GiveAll();
  Take(Gap(false));
  Take(Write("n1 1 set@300 title=c"));
  EXPECT_THAT(Published().back(), Not(HasSubstr("incomplete")));
  EXPECT_EQ(Published().size(), 5u);
}

// The nodes do not truncate at the same instant: what was opened between two of them has the rows of the second still.
TEST_F(ShardSnapshotTest, WhatWasOpenedBeforeTheLastNodeTruncatedIsUseless) {
  Take(Progress(1, 10, 1));
  Take(Progress(2, 10, 1));
  Take(Truncation(1, 20, 21));
  Snapshot({"n2 1 insert@100 title=a"});
  Begin();
  EXPECT_THAT(shard_->UselessSnapshots(), IsEmpty());
  Take(Truncation(2, 20, 21));
  EXPECT_THAT(shard_->UselessSnapshots(), ElementsAre(::testing::Pair(table_->table_id, note_.attempt)));
  Give(0, SIZE_MAX);
  End();
  EXPECT_EQ(Published().size(), 1u) << "but for the truncation nothing is told";
  EXPECT_FALSE(IsDone());
}

// What is written meanwhile is in no log.
TEST_F(ShardSnapshotTest, WhatWasReadIsNotTheWholeOfATableThatWasNotCapturedForAWhile) {
  registry_.history_known = false;
  Snapshot({"n1 7 insert@100 title=Fargo"});
  GiveAll();
  EXPECT_EQ(Published().size(), 1u);
  const auto captured = table_;
  table_ = std::make_shared<TableSchema>(*captured);
  table_->cdc = false;
  table_->id = SchemaId{captured->id.value + 1};
  registry_.Set(table_);
  Take(SchemaOf());
  table_ = captured;
  registry_.Set(table_);
  Take(SchemaOf());
  Take(Write("n1 9 insert@200 title=Alien"));
  EXPECT_THAT(Published().back(), ::testing::StartsWith("u 9 @200")) << "who knows what it was";
  Published();
  Start();
  Take(Write("n1 10 insert@200 title=Heat"));
  EXPECT_THAT(Published().back(), ::testing::StartsWith("u 10 @200")) << "nor after a restart";
}

}  // namespace
}  // namespace braid
