#include "reconcile/copy_filter.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

class CopyFilterTest : public ::testing::Test {
 protected:
  CopyFilterTest() {
    mutation_.schema = &schema_;
    mutation_.partition_key = "key";
    cell_.value = "value";
    cell_.at = WriteTime{5};
    row_.cells = {&cell_, 1};
    mutation_.rows = {&row_, 1};
  }

  bool SameAs(const CopyFilter::Hash& hash) {
    const CopyFilter::Hash now = filter_.HashOf(mutation_);
    return now.high == hash.high && now.low == hash.low;
  }

  TableSchema schema_;
  Cell cell_;
  RowUpdate row_;
  Mutation mutation_;
  CopyFilter filter_{1024, "a secret"};
};

TEST_F(CopyFilterTest, FindsWhatWasAdded) {
  const CopyFilter::Hash hash = filter_.HashOf(mutation_);
  EXPECT_FALSE(filter_.Contains(hash));
  filter_.Add(hash);
  EXPECT_TRUE(filter_.Contains(hash));
  filter_.Clear();
  EXPECT_FALSE(filter_.Contains(hash));
}

TEST_F(CopyFilterTest, NobodyKnowsTheHashWithoutTheSeed) {
  const CopyFilter::Hash hash = filter_.HashOf(mutation_);
  EXPECT_EQ(CopyFilter(1024, "a secret").HashOf(mutation_).high, hash.high);
  EXPECT_NE(CopyFilter(1024, "another").HashOf(mutation_).high, hash.high);
  EXPECT_NE(CopyFilter(1024, "another").HashOf(mutation_).low, hash.low);
}

TEST_F(CopyFilterTest, WhereItWasReadDoesNotMatter) {
  const CopyFilter::Hash hash = filter_.HashOf(mutation_);
  mutation_.position = {NodeIndex{3}, SegmentId{9}, 77};
  EXPECT_TRUE(SameAs(hash));
}

TEST_F(CopyFilterTest, EverythingThatItSaysMatters) {
  const CopyFilter::Hash hash = filter_.HashOf(mutation_);
  const auto differs = [&](auto& part, auto other) {
    const auto was = part;
    part = other;
    const bool is_different = !SameAs(hash);
    part = was;
    return is_different;
  };
  EXPECT_TRUE(differs(mutation_.partition_key, ByteView("kez")));
  EXPECT_TRUE(differs(mutation_.partition_deletion, Deletion{WriteTime{1}, UnixSeconds{1}}));
  EXPECT_TRUE(differs(mutation_.static_row, static_cast<const RowUpdate*>(&row_)));
  EXPECT_TRUE(differs(mutation_.rows, std::span<const RowUpdate>()));
  EXPECT_TRUE(differs(schema_.id, SchemaId{4}));
  EXPECT_TRUE(differs(schema_.table_id.bytes[3], uint8_t{1}));
  EXPECT_TRUE(differs(row_.key, ByteView("r")));
  EXPECT_TRUE(differs(row_.liveness, Liveness{WriteTime{5}, 0, {}}));
  EXPECT_TRUE(differs(row_.deletion, Deletion{WriteTime{5}, UnixSeconds{1}}));
  EXPECT_TRUE(differs(cell_.value, ByteView("valuf")));
  EXPECT_TRUE(differs(cell_.path, ByteView("p")));
  EXPECT_TRUE(differs(cell_.at, WriteTime{6}));
  EXPECT_TRUE(differs(cell_.kind, CellKind::kTombstone));
  EXPECT_TRUE(differs(cell_.column, ColumnId{2}));
  EXPECT_TRUE(differs(cell_.local_deletion, UnixSeconds{2}));
  EXPECT_TRUE(differs(cell_.ttl_s, 2));
}

TEST_F(CopyFilterTest, TheNewestPushOutTheOldest) {
  CopyFilter one_bucket(64, {});
  for (uint32_t i = 1; i <= 6; ++i) one_bucket.Add({i, i});
  EXPECT_FALSE(one_bucket.Contains({1, 1}));
  for (uint32_t i = 2; i <= 6; ++i) EXPECT_TRUE(one_bucket.Contains({i, i}));
  EXPECT_FALSE(one_bucket.Contains({2, 3}));
}

TEST_F(CopyFilterTest, WithoutMemoryItFindsNothing) {
  CopyFilter none(0, {});
  EXPECT_FALSE(none.enabled());
  none.Add({1, 1});
  EXPECT_FALSE(none.Contains({1, 1}));
}

}  // namespace
}  // namespace braid
