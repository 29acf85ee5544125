#include "reconcile/lww/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace braid {
namespace {

using ::testing::ElementsAre;

Cell Live(int64_t at, ByteView value) {
  Cell cell;
  cell.at = WriteTime{at};
  cell.value = value;
  return cell;
}
Cell Expiring(int64_t at, ByteView value, int64_t expires, int32_t ttl = 60) {
  Cell cell = Live(at, value);
  cell.kind = CellKind::kExpiring;
  cell.local_deletion = UnixSeconds{expires};
  cell.ttl_s = ttl;
  return cell;
}
Cell Tombstone(int64_t at, int64_t deleted) {
  Cell cell = Live(at, "");
  cell.kind = CellKind::kTombstone;
  cell.local_deletion = UnixSeconds{deleted};
  return cell;
}

// Cassandra's rules for cells, weakest first: each wins over all before it.
TEST(CompareCells, FollowsCassandrasRulesInTheirOrder) {
  const std::vector<Cell> rising = {
      Tombstone(9, 99),  Live(10, ""),          Live(10, "a"),         Live(10, "b"),         Live(10, "b\x7f"),
      Live(10, "b\xff"), Expiring(10, "z", 50), Expiring(10, "a", 51), Expiring(10, "b", 51), Expiring(10, "b", 51, 61),
      Tombstone(10, 1),  Tombstone(10, 2),      Live(11, ""),
  };
  for (size_t i = 0; i < rising.size(); ++i) {
    for (size_t j = 0; j < rising.size(); ++j) {
      const int order = CompareCells(rising[i], rising[j]);
      EXPECT_EQ(order < 0, i < j) << i << " " << j;
      EXPECT_EQ(order > 0, i > j) << i << " " << j;
    }
  }
}

TEST(CompareLiveness, FollowsCassandrasRulesInTheirOrder) {
  const UnixSeconds never = UnixSeconds::Never();
  const std::vector<Liveness> rising = {
      {},
      {WriteTime{9}, kExpiredLivenessTtl, UnixSeconds{99}},
      {WriteTime{10}, 0, never},
      {WriteTime{10}, 60, UnixSeconds{50}},
      {WriteTime{10}, 5, UnixSeconds{51}},
      {WriteTime{10}, 6, UnixSeconds{51}},
      {WriteTime{10}, kExpiredLivenessTtl, UnixSeconds{1}},
      {WriteTime{11}, 0, never},
  };
  for (size_t i = 0; i < rising.size(); ++i) {
    for (size_t j = 0; j < rising.size(); ++j) {
      const int order = CompareLiveness(rising[i], rising[j]);
      EXPECT_EQ(order < 0, i < j) << i << " " << j;
      EXPECT_EQ(order > 0, i > j) << i << " " << j;
    }
  }
}

TEST(Supersedes, ByTimeThenSecond) {
  const Deletion none;
  const Deletion early{WriteTime{5}, UnixSeconds{9}};
  const Deletion late{WriteTime{5}, UnixSeconds{10}};
  EXPECT_TRUE(Supersedes(early, none));
  EXPECT_FALSE(Supersedes(none, none));
  EXPECT_TRUE(Supersedes(late, early));
  EXPECT_FALSE(Supersedes(early, early));
  EXPECT_EQ(Stronger(early, late), late);
}

TEST(IsLive, EndsWithTheSecondOfExpiry) {
  EXPECT_TRUE(IsLive(Expiring(1, "", 50), UnixSeconds{49}));
  EXPECT_FALSE(IsLive(Expiring(1, "", 50), UnixSeconds{50}));
  EXPECT_FALSE(IsLive(Tombstone(1, 50), UnixSeconds{1}));
  EXPECT_TRUE(IsLive(Liveness{WriteTime{1}, 60, UnixSeconds{50}}, UnixSeconds{49}));
  EXPECT_FALSE(IsLive(Liveness{WriteTime{1}, 60, UnixSeconds{50}}, UnixSeconds{50}));
  EXPECT_FALSE(IsLive(Liveness{WriteTime{1}, kExpiredLivenessTtl, UnixSeconds{50}}, UnixSeconds{1}));
  EXPECT_FALSE(IsLive(Liveness{}, UnixSeconds{1}));
}

class MergeContentsTest : public ::testing::Test {
 protected:
  MergeContentsTest() {
    schema_.keyspace = "k";
    schema_.table = "t";
    AddColumn("a", SimpleType(TypeKind::kInt));
    AddColumn("b", SetOf(SimpleType(TypeKind::kText), false));
    AddColumn("c", SimpleType(TypeKind::kInt));
    schema_.IndexColumns();
  }
  void AddColumn(const std::string& name, TypePtr type) {
    Column column;
    column.id.value = static_cast<uint16_t>(schema_.columns.size());
    column.name = name;
    column.type = std::move(type);
    schema_.columns.push_back(std::move(column));
  }
  static Cell At(uint16_t column, Cell cell, ByteView path = {}) {
    cell.column = ColumnId{column};
    cell.path = path;
    return cell;
  }
  static RowContent Cells(const std::vector<Cell>& cells) {
    RowContent content;
    content.cells = cells;
    return content;
  }
  static Deletion At(int64_t time) { return {WriteTime{time}, UnixSeconds{1}}; }
  // "column[path]=value" of each cell.
  static std::vector<std::string> Text(const RowContent& content) {
    std::vector<std::string> texts;
    for (const Cell& cell : content.cells) {
      texts.push_back(std::to_string(cell.column.value) + "[" + std::string(cell.path) +
                      "]=" + std::string(cell.value));
    }
    return texts;
  }
  RowContent Merge(const RowContent& a, const RowContent& b, const Deletion& outer = {}) {
    return *MergeContents(schema_, outer, a, b, &arena_, &trace_);
  }

  TableSchema schema_;
  Arena arena_;
  MergeTrace trace_{.now = UnixSeconds{100}};
};

TEST_F(MergeContentsTest, CellsMergeByColumnAndPath) {
  const std::vector<Cell> a = {At(0, Live(5, "old")), At(1, Live(5, ""), "x"), At(2, Live(9, "new"))};
  const std::vector<Cell> b = {At(0, Live(6, "new")), At(1, Live(5, ""), "a"), At(1, Live(5, ""), "x"),
                               At(2, Live(8, "old"))};
  EXPECT_THAT(Text(Merge(Cells(a), Cells(b))), ElementsAre("0[]=new", "1[a]=", "1[x]=", "2[]=new"));
  EXPECT_TRUE(trace_.adds);
  EXPECT_FALSE(trace_.ends_live);
}

TEST_F(MergeContentsTest, ACopyAddsNothing) {
  const std::vector<Cell> a = {At(0, Live(5, "v")), At(1, Live(5, ""), "x")};
  EXPECT_THAT(Text(Merge(Cells(a), Cells(a))), ElementsAre("0[]=v", "1[x]="));
  EXPECT_FALSE(trace_.adds);
  EXPECT_EQ(OverlapOf(schema_, {}, Cells(a), Cells(a)), Overlap::kCopy);
}

TEST_F(MergeContentsTest, ADeletionCoversWhatIsAsOld) {
  const std::vector<Cell> a = {At(0, Live(5, "v")), At(2, Live(6, "w"))};
  RowContent row = Cells(a);
  row.liveness.at = WriteTime{5};
  RowContent deletion;
  deletion.deletion = At(5);
  const RowContent merged = Merge(row, deletion);
  EXPECT_THAT(Text(merged), ElementsAre("2[]=w"));
  EXPECT_TRUE(merged.liveness.none());
  EXPECT_EQ(merged.deletion, At(5));
  EXPECT_TRUE(trace_.ends_live);
  EXPECT_FALSE(trace_.adds);
}

TEST_F(MergeContentsTest, AnOuterDeletionMakesAnOlderOneWithinNeedless) {
  RowContent row;
  row.deletion = At(5);
  const ComplexDeletion complex{ColumnId{1}, At(6)};
  row.complex_deletions = {&complex, 1};
  EXPECT_EQ(Merge(row, {}, At(4)).deletion, At(5));
  const RowContent merged = Merge(row, {}, At(6));
  EXPECT_TRUE(merged.deletion.live());
  EXPECT_TRUE(merged.complex_deletions.empty());
}

TEST_F(MergeContentsTest, AComplexDeletionCoversItsColumnOnly) {
  const std::vector<Cell> a = {At(0, Live(5, "v")), At(1, Live(5, ""), "x"), At(1, Live(7, ""), "y")};
  const ComplexDeletion complex{ColumnId{1}, At(6)};
  RowContent deletion;
  deletion.complex_deletions = {&complex, 1};
  EXPECT_THAT(Text(Merge(Cells(a), deletion)), ElementsAre("0[]=v", "1[y]="));
  EXPECT_TRUE(trace_.ends_live);
}

TEST_F(MergeContentsTest, WhatIsDeadAlreadyIsNotEnded) {
  const std::vector<Cell> a = {At(0, Expiring(5, "v", 100)), At(2, Tombstone(5, 1))};
  RowContent deletion;
  deletion.deletion = At(9);
  Merge(Cells(a), deletion);
  EXPECT_FALSE(trace_.ends_live);
}

TEST_F(MergeContentsTest, WhatASchemaDroppedDoesNotCount) {
  schema_.columns[0].dropped_at = WriteTime{5};
  const std::vector<Cell> a = {At(0, Live(5, "v"))};
  Merge({}, Cells(a));
  EXPECT_FALSE(trace_.adds);
  const std::vector<Cell> b = {At(0, Live(6, "v"))};
  Merge({}, Cells(b));
  EXPECT_TRUE(trace_.adds);
}

TEST_F(MergeContentsTest, OverlapTellsCopiesFromTheOvertaken) {
  const std::vector<Cell> state = {At(0, Live(5, "v")), At(2, Live(9, "w"))};
  const std::vector<Cell> older = {At(0, Live(5, "v")), At(2, Live(8, "x"))};
  const std::vector<Cell> newer = {At(0, Live(6, "v"))};
  EXPECT_EQ(OverlapOf(schema_, {}, Cells(state), Cells(older)), Overlap::kOvertaken);
  EXPECT_EQ(OverlapOf(schema_, {}, Cells(state), Cells(newer)), Overlap::kNews);
  EXPECT_EQ(OverlapOf(schema_, At(6), Cells(state), Cells(newer)), Overlap::kOvertaken);
}

class RangesTest : public ::testing::Test {
 protected:
  static RangeDeletion Range(ByteView start, ByteView end, int64_t at, int64_t local = 1) {
    RangeDeletion range;
    range.start.cut = start;
    range.end.cut = end;
    range.deletion = {WriteTime{at}, UnixSeconds{local}};
    return range;
  }
  // Adds them one after another.
  std::string Merged(const std::vector<RangeDeletion>& ranges) {
    std::span<const RangeDeletion> merged;
    for (const RangeDeletion& range : ranges) merged = MergeRanges(merged, range, &arena_);
    std::string text;
    for (const RangeDeletion& range : merged) {
      text += std::string(range.start.cut) + "-" + std::string(range.end.cut) + "@" +
              std::to_string(range.deletion.at.us) + " ";
    }
    return text;
  }
  Arena arena_;
};

TEST_F(RangesTest, OverlapsAreCutAndTheStrongerIsKept) {
  EXPECT_EQ(Merged({Range("a", "c", 5), Range("e", "g", 5)}), "a-c@5 e-g@5 ");
  EXPECT_EQ(Merged({Range("a", "e", 5), Range("c", "g", 6)}), "a-c@5 c-g@6 ");
  EXPECT_EQ(Merged({Range("a", "e", 6), Range("c", "g", 5)}), "a-e@6 e-g@5 ");
  EXPECT_EQ(Merged({Range("a", "g", 5), Range("c", "d", 6)}), "a-c@5 c-d@6 d-g@5 ");
  EXPECT_EQ(Merged({Range("c", "d", 6), Range("a", "g", 5)}), "a-c@5 c-d@6 d-g@5 ");
  EXPECT_EQ(Merged({Range("b", "c", 6), Range("e", "f", 4), Range("a", "g", 5)}), "a-b@5 b-c@6 c-g@5 ");
  EXPECT_EQ(Merged({Range("a", "c", 5), Range("c", "e", 5)}), "a-e@5 ");
  EXPECT_EQ(Merged({Range("c", "c", 5), Range("d", "b", 5)}), "");
}

TEST_F(RangesTest, AnyOrderGivesTheSame) {
  std::vector<RangeDeletion> ranges = {Range("a", "d", 3), Range("b", "f", 5), Range("c", "e", 4), Range("e", "h", 5),
                                       Range("g", "i", 6)};
  const auto before = [](const RangeDeletion& x, const RangeDeletion& y) { return x.start.cut < y.start.cut; };
  const std::string expected = Merged(ranges);
  while (std::next_permutation(ranges.begin(), ranges.end(), before)) EXPECT_EQ(Merged(ranges), expected);
}

TEST_F(RangesTest, ADeletionIsFoundByKey) {
  const RangeDeletion ranges[] = {Range("b", "d", 5), Range("f", "h", 6)};
  EXPECT_TRUE(DeletionAt(ranges, "a").live());
  EXPECT_EQ(DeletionAt(ranges, "b").at, WriteTime{5});
  EXPECT_EQ(DeletionAt(ranges, "czz").at, WriteTime{5});
  EXPECT_TRUE(DeletionAt(ranges, "d").live());
  EXPECT_EQ(DeletionAt(ranges, "g").at, WriteTime{6});
  EXPECT_TRUE(DeletionAt(ranges, "h").live());
  PartitionHeader header;
  header.ranges = ranges;
  header.deletion = {WriteTime{5}, UnixSeconds{9}};
  EXPECT_EQ(OuterDeletion(header, "b").local, UnixSeconds{9});
  EXPECT_EQ(OuterDeletion(header, "g").at, WriteTime{6});
  EXPECT_EQ(RangesAbove(ranges, header.deletion, &arena_).size(), 1u);
}

// A context of global shards: id byte, clock, count.
std::string Context(std::initializer_list<std::tuple<char, int64_t, int64_t>> shards) {
  std::string bytes;
  AppendBigEndian(&bytes, static_cast<int16_t>(shards.size()));
  for (size_t i = 0; i < shards.size(); ++i) AppendBigEndian(&bytes, static_cast<int16_t>(i - 32768));
  for (const auto& [id, clock, count] : shards) {
    bytes += std::string(16, id);
    AppendBigEndian(&bytes, clock);
    AppendBigEndian(&bytes, count);
  }
  return bytes;
}

TEST(CounterContexts, MergeShardByShard) {
  Arena arena;
  const std::string a = Context({{'A', 5, 10}, {'C', 7, 1}, {'D', 2, 2}});
  const std::string b = Context({{'A', 4, 99}, {'B', 1, -3}, {'C', 8, 2}, {'D', 2, 3}});
  const ByteView merged = *MergeCounterContexts(a, b, &arena);
  EXPECT_EQ(merged, Context({{'A', 5, 10}, {'B', 1, -3}, {'C', 8, 2}, {'D', 2, 3}}));
  EXPECT_EQ(*MergeCounterContexts(b, a, &arena), merged);
  EXPECT_EQ(CounterTotal(merged), 12);
  EXPECT_EQ(LatestShard(merged).clock, 8);
  EXPECT_EQ(LatestShard(merged).id, std::string(16, 'C'));
}

TEST(CounterContexts, OthersThanGlobalShardsAreRefused) {
  Arena arena;
  const std::string global = Context({{'A', 5, 10}});
  std::string local = global;
  local[2] = 0;  // a header entry that is not negative
  std::string remote = global.substr(4);
  remote.insert(0, 2, '\0');  // a shard that the header does not name
  std::string cleared = global;
  StoreBigEndian(cleared.data(), int16_t{-1});
  for (const std::string& bytes : {local, remote, cleared}) {
    const auto merged = MergeCounterContexts(global, bytes, &arena);
    ASSERT_FALSE(merged.has_value());
    EXPECT_EQ(merged.error().code, ErrorCode::kUnsupported);
  }
}

TEST(CounterContexts, BytesThatAreNoneAreCorrupt) {
  Arena arena;
  const std::string context = Context({{'A', 5, 10}});
  for (size_t size = 0; size < context.size(); ++size) {
    const auto merged = MergeCounterContexts(context, ByteView(context).substr(0, size), &arena);
    // With no shard left at all it is a context of nothing, but its header names one.
    ASSERT_FALSE(merged.has_value()) << size;
  }
  EXPECT_EQ(CounterTotal("x"), 0);
  EXPECT_TRUE(LatestShard("x").id.empty());
}

TEST(CounterContexts, TotalsWrap) {
  EXPECT_EQ(CounterTotal(Context({{'A', 1, INT64_MAX}, {'B', 1, 1}})), INT64_MIN);
}

}  // namespace
}  // namespace braid
