// The reconciler's door, where a scenario cannot reach.
#include "reconcile/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcile/memory/memory_state.h"
#include "reconcile/testing/toy_change.h"
#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_table.h"

namespace braid::testing {
namespace {

using ::testing::ElementsAre;

class ReconcilerTest : public ::testing::Test, public Reconciler::SchemaFinder {
 protected:
  const TableSchema* Find(const TableId&) override { return titles_.get(); }

  void Apply(const TableSchema& schema, const std::string& line) {
    const Status status = reconciler_->Apply(reader_.Read(schema, line, &arena_), now_, sink_);
    ASSERT_TRUE(status.has_value()) << status.error().message;
  }
  void Make(const Reconciler::Options& options) { reconciler_ = std::make_unique<Reconciler>(options, &state_); }

  // Purges as much as `rows` allow; what there was to do is what a table without grace and without gaps has.
  bool Purge(Reconciler::Cursor* cursor, size_t rows, WriteTime passed = WriteTime{1000}) {
    PurgeLimits limits;
    limits.now = now_;
    limits.sources_passed = passed;
    const Result<bool> more = reconciler_->PurgeSome(
        cursor,
        [&](const TableId&) {
          return Reconciler::TablePurge{titles_.get(), limits};
        },
        rows);
    EXPECT_TRUE(more.has_value()) << more.error().message;
    return *more;
  }

  // Takes a mutation for a whole snapshot of its partition, and nothing of what stands besides.
  void Snapshot(const TableSchema& schema, const std::string& line, SnapshotCursor* cursor, size_t calls = 1000) {
    const Mutation piece = reader_.Read(schema, line, &arena_);
    const SnapshotRules rules{.whole = true, .repair = true, .touched = {}, .now = now_};
    for (; calls > 0; --calls) {
      const Result<bool> more = reconciler_->TakeSnapshotPiece(cursor, piece, true, true, rules, 1, sink_);
      ASSERT_TRUE(more.has_value()) << more.error().message;
      if (!*more) return;
    }
  }
  PartitionRef PartitionOf(const TableSchema& schema, const std::string& key) {
    const ByteView bytes = arena_.Copy(ValueBytes(*SimpleType(TypeKind::kInt), key));
    return {schema.table_id, Token{bytes.back()}, bytes};
  }

  const TableSchemaPtr titles_ = ParseTable("titles (id int key, n int clustering, title text)");
  const TableSchemaPtr others_ = ParseTable("others (id int key, n int clustering, title text)");
  UnixSeconds now_{100};
  Arena arena_;
  ToyReader reader_;
  TextSink sink_;
  MemoryState state_;
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(ReconcilerTest, AsksForEachTablesHistoryOnce) {
  std::vector<TableId> asked;
  bool others_known = false;
  Make({.history_known = [&](const TableId& table) {
    asked.push_back(table);
    return table == titles_->table_id || others_known;
  }});
  for (const char* line : {"n1 7/1 set@100 title=a", "n1 8/1 set@100 title=b"}) {
    Apply(*titles_, line);
    Apply(*others_, line);
  }
  EXPECT_THAT(asked, ElementsAre(titles_->table_id, others_->table_id));
  others_known = true;
  Apply(*others_, "n1 9/1 set@100 title=c");
  reconciler_->ForgetHistory();
  Apply(*others_, "n1 10/1 set@100 title=d");
  EXPECT_EQ(asked.size(), 3u);
  EXPECT_THAT(sink_.lines, ElementsAre("c 7/1 @100 r1 write [title] null -> {title: a}",
                                       "u 7/1 @100 r1 write [title] {} -> {title: a} incomplete",
                                       "c 8/1 @100 r1 write [title] null -> {title: b}",
                                       "u 8/1 @100 r1 write [title] {} -> {title: b} incomplete",
                                       "u 9/1 @100 r1 write [title] {} -> {title: c} incomplete",
                                       "c 10/1 @100 r1 write [title] null -> {title: d}"));
}

TEST_F(ReconcilerTest, ExpiresNoMoreRowsThanItMay) {
  Make({});
  for (const char* line : {"n1 7/1 set@100~50 title=a", "n1 7/2 set@100~51 title=b", "n1 8/1 set@100~52 title=c"}) {
    now_ = UnixSeconds{1};
    Apply(*titles_, line);
  }
  sink_.lines.clear();
  EXPECT_TRUE(*reconciler_->ExpireDue(UnixSeconds{100}, *this, sink_, 2));
  EXPECT_EQ(sink_.lines.size(), 2u);
  EXPECT_FALSE(*reconciler_->ExpireDue(UnixSeconds{100}, *this, sink_, 2));
  EXPECT_EQ(sink_.lines.size(), 3u);
}

TEST_F(ReconcilerTest, ARowThatComesBehindThePurgeKeepsItsPartition) {
  Make({});
  for (const char* line : {"n1 7/5 insert@100 title=a", "n1 7/6 insert@100 title=b", "n1 7 delete@200!5"}) {
    Apply(*titles_, line);
  }
  Reconciler::Cursor cursor;
  ASSERT_TRUE(Purge(&cursor, 1));
  Apply(*titles_, "n1 7/1 insert@300 title=c");
  while (Purge(&cursor, 1)) continue;
  EXPECT_EQ(reconciler_->stats().partitions_purged, 0u);
  EXPECT_EQ(reconciler_->stats().rows_purged, 2u);
  Apply(*titles_, "n2 7/1 insert@300 title=c");
  EXPECT_EQ(reconciler_->stats().copies, 1u);
}

TEST_F(ReconcilerTest, APartitionIsPurgedByTheStrictestLimitsOfItsPieces) {
  Make({});
  for (const char* line : {"n1 7/5 insert@100 title=a", "n1 7/6 insert@100 title=b", "n1 7 delete@200!5"}) {
    Apply(*titles_, line);
  }
  Reconciler::Cursor cursor;
  // At first the deletion may still have something to hide.
  ASSERT_TRUE(Purge(&cursor, 1, WriteTime{150}));
  while (Purge(&cursor, 1)) continue;
  EXPECT_EQ(reconciler_->stats().rows_purged, 0u);
  EXPECT_EQ(reconciler_->stats().parts_purged, 0u);
  while (Purge(&cursor, 1)) continue;
  EXPECT_EQ(reconciler_->stats().rows_purged, 2u);
  EXPECT_EQ(reconciler_->stats().partitions_purged, 1u);
}

TEST_F(ReconcilerTest, ThePurgeGoesOnWherePartitionsVanish) {
  Make({});
  for (const char* line : {"n1 7/1 insert@100 title=a", "n1 7/2 insert@100 title=a", "n1 7/3 insert@100 title=a",
                           "n1 8/1 insert@100 title=a", "n1 8 delete@200!5"}) {
    Apply(*titles_, line);
  }
  Reconciler::Cursor cursor;
  ASSERT_TRUE(Purge(&cursor, 2));
  const std::string key = ValueBytes(*SimpleType(TypeKind::kInt), "7");
  ASSERT_TRUE(reconciler_->ForgetPartition(*titles_, Token{key.back()}, key).has_value());
  while (Purge(&cursor, 1)) continue;
  EXPECT_TRUE(cursor.next.empty());
  EXPECT_EQ(reconciler_->stats().partitions_purged, 1u);
}

TEST_F(ReconcilerTest, ARowEndedByASnapshotIsNoCopyWhenItsDeletionComesAgain) {
  Make({.copy_filter_bytes = 4096});
  Apply(*titles_, "n1 7/1 insert@100 title=a");
  Apply(*titles_, "n1 7/1 delete@500");
  SnapshotCursor cursor;
  Snapshot(*titles_, "n1 7/1 insert@100 title=a", &cursor);
  Apply(*titles_, "n2 7/1 delete@500");
  EXPECT_THAT(sink_.lines, ElementsAre("c 7/1 @100 r1 write [title] null -> {title: a}",
                                       "d 7/1 @500 r2 delete [] {title: a} -> null",
                                       "c 7/1 @100 r3 repair [title] null -> {title: a}",
                                       "d 7/1 @500 r4 delete [] {title: a} -> null late"));
}

TEST_F(ReconcilerTest, ASnapshotsDeletionIsInTheHeaderAloneInTheEnd) {
  Make({.history_known = false});
  const TableSchemaPtr table = ParseTable("t (id int key, n int clustering, s text static, title text)");
  const PartitionRef partition = PartitionOf(*table, "7");
  const RowRef static_row{.is_static = true, .key = {}};
  Apply(*table, "n1 7/static set@10 s=x");
  const std::string piece = "n1 7 delete@50 & 7/1 insert@100 title=a & 7/2 insert@100 title=b";
  SnapshotCursor cursor;
  Snapshot(*table, piece, &cursor, 2);
  const PartitionHeader* header = *state_.ReadHeader(partition, &arena_);
  ASSERT_NE(header, nullptr);
  EXPECT_TRUE(header->deletion.live());
  EXPECT_FALSE(header->complete);
  const RowState* row = *state_.ReadRow(partition, static_row, &arena_);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->deletion.at, WriteTime{50});
  Snapshot(*table, piece, &cursor);
  header = *state_.ReadHeader(partition, &arena_);
  EXPECT_EQ(header->deletion.at, WriteTime{50});
  EXPECT_EQ(header->ranges.size(), 0u);
  EXPECT_TRUE(header->complete);
  row = *state_.ReadRow(partition, static_row, &arena_);
  ASSERT_NE(row, nullptr);
  EXPECT_TRUE(row->deletion.live());
  EXPECT_EQ(row->revision, 2u);
}

TEST_F(ReconcilerTest, WhatASnapshotHasPassedIsKnownAgainAfterARestart) {
  Make({.history_known = false});
  SnapshotCursor cursor = Reconciler::SnapshotFrom(*titles_, Token{5});
  EXPECT_EQ(*Reconciler::SnapshotToken(cursor), Token{5});
  Snapshot(*titles_, "n1 7/5 insert@100 title=a & 7/6 insert@100 title=b", &cursor, 1);
  EXPECT_EQ(*Reconciler::SnapshotToken(cursor), Token{7});
  const SnapshotCursor kept{.next = cursor.next, .known = cursor.known, .deletion = {}};
  Make({.history_known = false});
  reconciler_->ResumeSnapshot(*titles_, kept);
  sink_.lines.clear();
  for (const char* line : {"n1 4/1 set@200 title=c", "n1 6/1 set@200 title=d", "n1 7/4 set@200 title=e",
                           "n1 7/6 set@200 title=f", "n1 8/1 set@200 title=g"}) {
    Apply(*titles_, line);
  }
  EXPECT_THAT(sink_.lines, ElementsAre("u 4/1 @200 r1 write [title] {} -> {title: c} incomplete",
                                       "c 6/1 @200 r1 write [title] null -> {title: d}",
                                       "c 7/4 @200 r1 write [title] null -> {title: e}",
                                       "u 7/6 @200 r1 write [title] {} -> {title: f} incomplete",
                                       "u 8/1 @200 r1 write [title] {} -> {title: g} incomplete"));
  // The state was taken back, and with it all that.
  reconciler_->ForgetCopies();
  Apply(*titles_, "n1 5/1 set@300 title=h");
  EXPECT_EQ(sink_.lines.back(), "u 5/1 @300 r1 write [title] {} -> {title: h} incomplete");
}

TEST_F(ReconcilerTest, ARangeOfASnapshotEndsNothingBeyondIt) {
  Make({});
  for (const char* line : {"n1 4/1 insert@100 title=a", "n1 6/1 insert@100 title=b", "n1 9/1 insert@100 title=c"}) {
    Apply(*titles_, line);
  }
  sink_.lines.clear();
  SnapshotCursor cursor = Reconciler::SnapshotFrom(*titles_, Token{5});
  const SnapshotRules rules{.whole = true, .repair = true, .touched = {}, .now = now_};
  EXPECT_FALSE(*reconciler_->EndSnapshotRange(*titles_, &cursor, Token{8}, rules, 100, sink_));
  EXPECT_THAT(sink_.lines, ElementsAre("d 6/1 @100 r2 repair [] {title: b} -> null"));
  EXPECT_EQ(*Reconciler::SnapshotToken(cursor), Token{9});
  // What is behind the cursor is passed over.
  Snapshot(*titles_, "n1 6/1 insert@300 title=d", &cursor);
  EXPECT_EQ(sink_.lines.size(), 1u);
  cursor.next = "no key";
  EXPECT_FALSE(Reconciler::SnapshotToken(cursor).has_value());
}

}  // namespace
}  // namespace braid::testing
