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

}  // namespace
}  // namespace braid::testing
