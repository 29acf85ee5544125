// What holds of the merge whatever its sources say and however their pieces are cut.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "pipeline/merge/testing/pieces.h"
#include "pipeline/merge/write_source.h"
#include "reconcile/memory/memory_state.h"
#include "reconcile/reconciler.h"
#include "reconcile/testing/checking_sink.h"
#include "reconcile/testing/toy_random.h"

namespace braid::testing {
namespace {

constexpr UnixSeconds kEnd{ToyRandom::kLastExpiry};

// Mutations of more rows than ToyRandom's, so that partitions have many places to be cut at.
std::string WideLine(ToyRandom* random) {
  const std::string partition = "n1 " + std::to_string(random->Below(3));
  const std::string at = "@" + std::to_string(100'000'000 + random->Below(8));
  const uint64_t row = random->Below(24);
  if (random->Below(4) != 0) {
    return partition + "/" + std::to_string(row) + " insert" + at + " b=" + std::to_string(random->Below(3));
  }
  const uint64_t end = row + 1 + random->Below(8);
  return partition + "/" + (random->Below(2) ? "[" : "(") + std::to_string(row) + "," + std::to_string(end) +
         (random->Below(2) ? "]" : ")") + " delete" + at;
}

// What comes out of a merge, put together again, and held to the rules of pieces.
class Collected {
 public:
  explicit Collected(Arena* arena) : arena_(arena) {}

  void Take(const SstablePiece& piece) {
    const Mutation& mutation = piece.mutation;
    RC_ASSERT(piece.first == last_);
    if (piece.first) Begin(mutation);
    last_ = piece.last;
    Mutation& whole = partitions.back().mutation;
    RC_ASSERT((whole.token == mutation.token && whole.partition_key == mutation.partition_key));
    RC_ASSERT((piece.first || (mutation.static_row == nullptr && mutation.partition_deletion.live())));
    std::string cut_memory;
    const Bound end = KnownEnd(piece, &cut_memory);
    for (const RowUpdate& row : mutation.rows) TakeRow(row, piece.last ? ByteView() : end.cut);
    for (const RangeDeletion& range : mutation.ranges) TakeRange(range, piece.last ? ByteView() : end.cut);
    if (end.cut > edge_) edge_ = end.cut;
  }

  void End() { RC_ASSERT(last_); }

  struct Partition {
    Mutation mutation;
    std::vector<RowUpdate> rows;
    std::vector<RangeDeletion> ranges;
  };
  std::deque<Partition> partitions;

 private:
  void Begin(const Mutation& mutation) {
    if (!partitions.empty()) {
      const Mutation& before = partitions.back().mutation;
      RC_ASSERT((before.token < mutation.token ||
                 (before.token == mutation.token && before.partition_key < mutation.partition_key)));
    }
    Partition& partition = partitions.emplace_back();
    partition.mutation = mutation;
    partition.mutation.partition_key = arena_->Copy(mutation.partition_key);
    if (mutation.static_row != nullptr) partition.mutation.static_row = Keep(*mutation.static_row);
    edge_.clear();
  }

  void TakeRow(const RowUpdate& row, ByteView end) {
    std::vector<RowUpdate>& rows = partitions.back().rows;
    RC_ASSERT((rows.empty() || rows.back().key < row.key));
    RC_ASSERT((row.key >= edge_ && (end.empty() || row.key < end)));
    rows.push_back(*Keep(row));
  }

  void TakeRange(const RangeDeletion& range, ByteView end) {
    std::vector<RangeDeletion>& ranges = partitions.back().ranges;
    RC_ASSERT(range.start.cut < range.end.cut);
    RC_ASSERT((ranges.empty() || ranges.back().end.cut <= range.start.cut));
    RC_ASSERT((range.start.cut >= edge_ && (end.empty() || range.end.cut <= end)));
    if (!ranges.empty() && ranges.back().end.cut == range.start.cut && ranges.back().deletion == range.deletion) {
      ranges.back().end.cut = arena_->Copy(range.end.cut);
      ranges.back().end.values = arena_->Copy(range.end.values);
      return;
    }
    ranges.push_back(range);
    for (Bound* bound : {&ranges.back().start, &ranges.back().end}) {
      bound->cut = arena_->Copy(bound->cut);
      bound->values = arena_->Copy(bound->values);
    }
  }

  // A row lives only as long as its piece.
  RowUpdate* Keep(const RowUpdate& row) {
    RowUpdate* kept = arena_->New<RowUpdate>();
    *kept = row;
    kept->key = arena_->Copy(row.key);
    kept->complex_deletions = arena_->CopyArray(row.complex_deletions);
    const std::span<Cell> cells = arena_->CopyArray(row.cells);
    for (Cell& cell : cells) {
      cell.path = arena_->Copy(cell.path);
      cell.value = arena_->Copy(cell.value);
    }
    kept->cells = cells;
    kept->clustering = arena_->Copy(row.clustering);
    return kept;
  }

  Arena* arena_;
  bool last_ = true;
  std::string edge_;
};

Collected Merged(MergeWorld* world, std::vector<std::unique_ptr<PieceSource>> sources, MergeOptions options = {}) {
  const auto merge = TableMerge::Open(std::move(sources), world->schema(), options);
  RC_ASSERT(merge.has_value());
  Collected collected(world->arena());
  while (true) {
    const Result<const SstablePiece*> piece = (*merge)->Next();
    if (!piece.has_value()) RC_FAIL(piece.error().message);
    if (*piece == nullptr) break;
    collected.Take(**piece);
  }
  collected.End();
  return collected;
}

void AssertSame(const Mutation& expected, const Collected::Partition& merged) {
  RC_ASSERT((expected.token == merged.mutation.token && expected.partition_key == merged.mutation.partition_key));
  RC_ASSERT(expected.partition_deletion == merged.mutation.partition_deletion);
  const RowUpdate* const statics = merged.mutation.static_row;
  RC_ASSERT((expected.static_row != nullptr) == (statics != nullptr));
  if (statics != nullptr) RC_ASSERT(SameContent(ContentOf(*expected.static_row), ContentOf(*statics)));
  RC_ASSERT(expected.rows.size() == merged.rows.size());
  for (size_t i = 0; i < merged.rows.size(); ++i) {
    RC_ASSERT(expected.rows[i].key == merged.rows[i].key);
    RC_ASSERT(SameContent(ContentOf(expected.rows[i]), ContentOf(merged.rows[i])));
  }
  RC_ASSERT(expected.ranges.size() == merged.ranges.size());
  for (size_t i = 0; i < merged.ranges.size(); ++i) {
    RC_ASSERT(expected.ranges[i].start.cut == merged.ranges[i].start.cut);
    RC_ASSERT(expected.ranges[i].end.cut == merged.ranges[i].end.cut);
    RC_ASSERT(expected.ranges[i].deletion == merged.ranges[i].deletion);
  }
}

// Random mutations, some of them copied, dealt out to random sources.
struct Deal {
  std::vector<std::string> lines;
  std::vector<Mutation> all;
  std::vector<std::vector<Mutation>> of_source;
};

Deal DealOut(MergeWorld* world, ToyRandom* random, bool counters) {
  Deal deal;
  deal.of_source.resize(1 + random->Below(6));
  const bool wide = !counters && random->Below(2) == 0;
  for (uint64_t i = 1 + random->Below(60); i > 0; --i) {
    deal.lines.push_back(counters ? random->CounterLine() : wide ? WideLine(random) : random->Line());
    const Mutation mutation = world->Read(deal.lines.back());
    const bool says_something = !mutation.partition_deletion.live() || mutation.static_row != nullptr ||
                                !mutation.rows.empty() || !mutation.ranges.empty();
    if (!says_something) continue;
    deal.all.push_back(mutation);
    for (uint64_t copies = 1 + random->Below(3); copies > 0; --copies) {
      deal.of_source[random->Below(deal.of_source.size())].push_back(mutation);
    }
  }
  return deal;
}

std::vector<std::unique_ptr<PieceSource>> Sources(MergeWorld* world, const Deal& deal, ToyRandom* random) {
  std::vector<std::unique_ptr<PieceSource>> sources;
  for (const std::vector<Mutation>& mutations : deal.of_source) {
    const uint64_t one_in = 1 + random->Below(6);
    auto source = world->SourceOf("s", mutations, [&] { return random->Below(one_in) == 0; });
    if (!mutations.empty() && random->Below(2) == 0) {
      source->SetFirstToken(std::ranges::min(mutations, {}, &Mutation::token).token);
    }
    sources.push_back(std::move(source));
  }
  return sources;
}

RC_GTEST_PROP(MergeLaws, ManySourcesGiveTheJoinOfAll, (uint64_t seed, bool counters)) {
  ToyRandom random(seed);
  MergeWorld world(counters ? ToyRandom::kCounterTable : ToyRandom::kTable);
  const Deal deal = DealOut(&world, &random, counters);
  for (const std::string& line : deal.lines) RC_LOG() << line << "\n";
  const std::vector<Mutation> expected = world.Gather(deal.all);
  const Collected merged = Merged(&world, Sources(&world, deal, &random));
  RC_ASSERT(merged.partitions.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) AssertSame(expected[i], merged.partitions[i]);
}

// Writes in any order, sorted on disk, are what they are in SSTables.
RC_GTEST_PROP(MergeLaws, SortedWritesAreASourceLikeAnyOther, (uint64_t seed, bool counters)) {
  ToyRandom random(seed);
  MergeWorld world(counters ? ToyRandom::kCounterTable : ToyRandom::kTable);
  const Deal deal = DealOut(&world, &random, counters);
  for (const std::string& line : deal.lines) RC_LOG() << line << "\n";
  std::vector<std::unique_ptr<PieceSource>> sources;
  for (const std::vector<Mutation>& mutations : deal.of_source) {
    WriteSorter sorter(world.schema(), {.memory_bytes = Sorter::kLeastMemory,
                                        .directory = std::filesystem::temp_directory_path().string(),
                                        .piece_rows = 1 + random.Below(4),
                                        .piece_bytes = 1 + random.Below(1000)});
    for (const Mutation& mutation : mutations) RC_ASSERT(sorter.Add(mutation).has_value());
    Result<std::unique_ptr<PieceSource>> source = sorter.Finish("s");
    RC_ASSERT(source.has_value());
    sources.push_back(*std::move(source));
  }
  const std::vector<Mutation> expected = world.Gather(deal.all);
  const Collected merged = Merged(&world, std::move(sources));
  RC_ASSERT(merged.partitions.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) AssertSame(expected[i], merged.partitions[i]);
}

// Rows that are larger than the memory for sorting stand where they belong.
TEST(WriteSorter, TakesWritesThatItsMemoryCannotHold) {
  MergeWorld world("t (id int key, n int clustering, a text)");
  WriteSorter sorter(world.schema(), {.memory_bytes = Sorter::kLeastMemory, .directory = ".", .piece_bytes = 1 << 20});
  const std::string large(2 * Sorter::kLeastMemory, 'x');
  std::vector<Mutation> all;
  for (int n = 0; n < 6; ++n) {
    const std::string value = n % 2 == 0 ? large : "y";
    all.push_back(world.Read("n1 1/" + std::to_string(n) + " insert@100 a=" + value));
    ASSERT_TRUE(sorter.Add(all.back()).has_value());
  }
  auto source = sorter.Finish("s");
  ASSERT_TRUE(source.has_value());
  const auto piece = (*source)->Next();
  ASSERT_TRUE(piece.has_value());
  ASSERT_EQ((*piece)->mutation.rows.size(), 6U);
  for (size_t n = 0; n < 6; ++n) {
    EXPECT_EQ((*piece)->mutation.rows[n].key, all[n].rows.front().key);
    EXPECT_EQ((*piece)->mutation.rows[n].cells.front().value, all[n].rows.front().cells.front().value);
  }
  EXPECT_EQ(*(*source)->Next(), nullptr);
}

// The rows that exist once all of `mutations` has been applied and all TTLs have run out.
std::map<std::string, std::string> Rows(const std::vector<Mutation>& mutations, const TableSchema& table) {
  class OneTable : public Reconciler::SchemaFinder {
   public:
    explicit OneTable(const TableSchema* schema) : schema_(schema) {}
    const TableSchema* Find(const TableId&) override { return schema_; }

   private:
    const TableSchema* schema_;
  };
  OneTable schemas(&table);
  MemoryState state;
  Reconciler reconciler({}, &state);
  CheckingSink sink;
  for (const Mutation& mutation : mutations) {
    const Status applied = reconciler.Apply(mutation, UnixSeconds{ToyRandom::kFirstSecond + 5}, sink);
    if (!applied.has_value()) RC_FAIL(applied.error().message);
  }
  RC_ASSERT(reconciler.ExpireDue(kEnd, schemas, sink).has_value());
  return sink.rows();
}

RC_GTEST_PROP(MergeLaws, ReconcilingTheMergeIsReconcilingEveryWrite, (uint64_t seed, bool counters)) {
  ToyRandom random(seed);
  MergeWorld world(counters ? ToyRandom::kCounterTable : ToyRandom::kTable);
  const Deal deal = DealOut(&world, &random, counters);
  for (const std::string& line : deal.lines) RC_LOG() << line << "\n";
  const Collected merged = Merged(&world, Sources(&world, deal, &random));
  std::vector<Mutation> pieces;
  for (const Collected::Partition& partition : merged.partitions) {
    Mutation whole = partition.mutation;
    whole.rows = partition.rows;
    whole.ranges = partition.ranges;
    pieces.push_back(whole);
  }
  RC_ASSERT(Rows(pieces, *world.schema()) == Rows(deal.all, *world.schema()));
}

// A source that fails anywhere takes nothing from the others, and what it may have failed to give is within what is
// said to be damaged.
RC_GTEST_PROP(MergeLaws, DamageTakesNothingFromOtherSources, (uint64_t seed)) {
  ToyRandom random(seed);
  MergeWorld world(ToyRandom::kTable);
  Deal deal = DealOut(&world, &random, false);
  for (const std::string& line : deal.lines) RC_LOG() << line << "\n";
  std::vector<Mutation> damaged;
  damaged.swap(deal.of_source.back());
  auto bad = world.SourceOf("bad", damaged, [&] { return random.Below(2) == 0; });
  bad->DamageAt(random.Below(8));
  bad->DamageAt(random.Below(8));
  if (random.Below(3) == 0) bad->NoWayOn();
  std::vector<std::unique_ptr<PieceSource>> sources = Sources(&world, deal, &random);
  sources.push_back(std::move(bad));

  const auto merge = TableMerge::Open(std::move(sources), world.schema(), {.skip_damage = true});
  Collected collected(world.arena());
  while (true) {
    const Result<const SstablePiece*> piece = (*merge)->Next();
    RC_ASSERT(piece.has_value());
    if (*piece == nullptr) break;
    collected.Take(**piece);
  }
  collected.End();

  std::vector<Mutation> all;
  std::vector<Mutation> others;
  for (const auto& mutations : deal.of_source) others.insert(others.end(), mutations.begin(), mutations.end());
  all = others;
  all.insert(all.end(), damaged.begin(), damaged.end());
  const auto within_damage = [&](Token token) {
    return std::ranges::any_of((*merge)->damage(),
                               [&](const MergeDamage& each) { return each.tokens.Contains(token); });
  };
  std::set<std::pair<Token, std::string>> given;
  for (const auto& each : collected.partitions) given.emplace(each.mutation.token, each.mutation.partition_key);
  for (const Mutation& whole : world.Gather(others)) {
    RC_ASSERT(given.contains({whole.token, std::string(whole.partition_key)}));
  }
  size_t next = 0;
  for (const Mutation& whole : world.Gather(all)) {
    while (next < collected.partitions.size() && collected.partitions[next].mutation.token < whole.token) ++next;
    if (!within_damage(whole.token)) {
      RC_ASSERT(next < collected.partitions.size());
      AssertSame(whole, collected.partitions[next]);
    }
  }
}

}  // namespace
}  // namespace braid::testing
