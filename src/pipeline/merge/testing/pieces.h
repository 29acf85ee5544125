// Sources for tests: partitions written as text, cut into pieces at will.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/check.h"
#include "cassandra/types/comparable.h"
#include "pipeline/merge/merge.h"
#include "reconcile/lww/merge.h"
#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_table.h"

namespace braid::testing {

// One partition's content, gathered mutation by mutation with Cassandra's rules; deletions are not applied to what they
// cover.
class PartitionContent {
 public:
  void Add(const Mutation& mutation, Arena* arena) {
    mutation_.schema = mutation.schema;
    mutation_.token = mutation.token;
    mutation_.partition_key = mutation.partition_key;
    mutation_.partition_deletion = Stronger(mutation_.partition_deletion, mutation.partition_deletion);
    if (mutation.static_row != nullptr) Join(*mutation.schema, *mutation.static_row, &static_row_, arena);
    for (const RowUpdate& row : mutation.rows) Join(*mutation.schema, row, &rows_[std::string(row.key)], arena);
    for (const RangeDeletion& range : mutation.ranges) ranges_ = MergeRanges(ranges_, range, arena);
  }

  // The whole as one mutation; it lives as long as this and the arena.
  Mutation Whole(Arena* arena) const {
    Mutation whole = mutation_;
    if (static_row_.has_value()) whole.static_row = &*static_row_;
    std::vector<RowUpdate> rows;
    for (const auto& [key, row] : rows_) rows.push_back(*row);
    whole.rows = arena->CopyArray(rows);
    whole.ranges = ranges_;
    return whole;
  }

 private:
  static void Join(const TableSchema& schema, const RowUpdate& row, std::optional<RowUpdate>* to, Arena* arena) {
    if (!to->has_value()) {
      *to = row;
      return;
    }
    const RowContent joined = *MergeContents(schema, {}, ContentOf(**to), ContentOf(row), arena);
    (*to)->liveness = joined.liveness;
    (*to)->deletion = joined.deletion;
    (*to)->complex_deletions = joined.complex_deletions;
    (*to)->cells = joined.cells;
  }

  Mutation mutation_;
  std::optional<RowUpdate> static_row_;
  std::map<std::string, std::optional<RowUpdate>> rows_;
  std::span<const RangeDeletion> ranges_;
};

// Cuts a partition into pieces as a scanner would: behind each row and each range's end that `cut_here` chooses.
inline std::vector<SstablePiece> CutIntoPieces(const Mutation& whole, const std::function<bool()>& cut_here,
                                               Arena* arena) {
  std::map<std::string, Bound> cuts;
  for (const RowUpdate& row : whole.rows) {
    std::string cut(row.key);
    AppendCutAfter(&cut);
    if (cut_here()) cuts[cut] = {arena->Copy(cut), row.clustering, 1, true};
  }
  for (const RangeDeletion& range : whole.ranges) {
    if (cut_here()) cuts[std::string(range.end.cut)] = range.end;
  }
  std::vector<SstablePiece> pieces;
  Bound from;
  const auto add = [&](const Bound* until) {
    SstablePiece piece;
    piece.mutation = whole;
    piece.first = pieces.empty();
    piece.last = until == nullptr;
    if (!piece.first) piece.mutation.static_row = nullptr;
    if (!piece.first) piece.mutation.partition_deletion = {};
    std::vector<RowUpdate> rows;
    for (const RowUpdate& row : whole.rows) {
      if (row.key >= from.cut && (until == nullptr || row.key < until->cut)) rows.push_back(row);
    }
    std::vector<RangeDeletion> ranges;
    for (RangeDeletion range : whole.ranges) {
      if (range.start.cut < from.cut) range.start = from;
      if (until != nullptr && until->cut < range.end.cut) range.end = *until;
      if (range.start.cut < range.end.cut) ranges.push_back(range);
    }
    piece.mutation.rows = arena->CopyArray(rows);
    piece.mutation.ranges = arena->CopyArray(ranges);
    pieces.push_back(piece);
    if (until != nullptr) from = *until;
  };
  for (const auto& [cut, bound] : cuts) add(&bound);
  add(nullptr);
  return pieces;
}

// Gives a list of pieces. Each one's spans live only until the next call, as a scanner's do: what is kept of an older
// one is overwritten.
class ListSource : public PieceSource {
 public:
  ListSource(std::string name, std::vector<SstablePiece> pieces) : name_(std::move(name)), pieces_(std::move(pieces)) {}

  // Reading the piece of this number fails.
  void DamageAt(size_t piece) { damaged_.insert(piece); }
  // There is no way past any damage.
  void NoWayOn() { way_on_ = false; }
  void SetFirstToken(Token token) { first_token_ = token; }
  size_t asked() const { return asked_; }

  Result<const SstablePiece*> Next() override {
    ++asked_;
    for (RowUpdate& row : rows_) row = RowUpdate{.key = "overwritten"};
    for (RangeDeletion& range : ranges_) range = {};
    if (next_ == pieces_.size()) return nullptr;
    if (damaged_.contains(next_)) return Corrupt(name_ + ": piece " + std::to_string(next_));
    given_ = pieces_[next_++];
    rows_.assign(given_.mutation.rows.begin(), given_.mutation.rows.end());
    ranges_.assign(given_.mutation.ranges.begin(), given_.mutation.ranges.end());
    given_.mutation.rows = rows_;
    given_.mutation.ranges = ranges_;
    return &given_;
  }

  Result<std::optional<uint64_t>> SkipDamage() override {
    CHECK(damaged_.contains(next_));
    if (!way_on_) return std::optional<uint64_t>();
    uint64_t passed = 0;
    do {
      ++next_;
      ++passed;
    } while (next_ < pieces_.size() && !pieces_[next_].first);
    if (next_ == pieces_.size()) return std::optional<uint64_t>();
    return std::optional<uint64_t>(passed);
  }

  const std::string& name() const override { return name_; }
  Token first_token() const override { return first_token_; }

 private:
  const std::string name_;
  const std::vector<SstablePiece> pieces_;
  std::set<size_t> damaged_;
  bool way_on_ = true;
  Token first_token_ = kLeastToken;
  size_t next_ = 0;
  size_t asked_ = 0;
  SstablePiece given_;
  std::vector<RowUpdate> rows_;
  std::vector<RangeDeletion> ranges_;
};

// One table in a test, its mutations, and what becomes of them.
class MergeWorld {
 public:
  explicit MergeWorld(const char* table) : schema_(ParseTable(table)) {}

  // A range that holds nothing, such as (2,2), is left out: no decoder gives one.
  Mutation Read(const std::string& line) {
    Mutation mutation = reader_.Read(*schema_, line, &arena_);
    const auto holds_rows = [](const RangeDeletion& range) { return range.start.cut < range.end.cut; };
    if (!std::ranges::all_of(mutation.ranges, holds_rows)) mutation.ranges = {};
    return mutation;
  }

  // The partitions of these mutations, in order.
  std::vector<Mutation> Gather(const std::vector<Mutation>& mutations) {
    std::map<std::pair<Token, std::string>, PartitionContent>& partitions = gathered_.emplace_back();
    for (const Mutation& mutation : mutations) {
      partitions[{mutation.token, std::string(mutation.partition_key)}].Add(mutation, &arena_);
    }
    std::vector<Mutation> wholes;
    for (const auto& [place, content] : partitions) wholes.push_back(content.Whole(&arena_));
    return wholes;
  }

  // A source of these lines, cut where `cut_here` says.
  std::unique_ptr<ListSource> Source(const std::string& name, const std::vector<std::string>& lines,
                                     const std::function<bool()>& cut_here) {
    std::vector<Mutation> mutations;
    for (const std::string& line : lines) mutations.push_back(Read(line));
    return SourceOf(name, mutations, cut_here);
  }
  std::unique_ptr<ListSource> SourceOf(const std::string& name, const std::vector<Mutation>& mutations,
                                       const std::function<bool()>& cut_here) {
    std::vector<SstablePiece> pieces;
    for (const Mutation& whole : Gather(mutations)) {
      const std::vector<SstablePiece> cut = CutIntoPieces(whole, cut_here, &arena_);
      pieces.insert(pieces.end(), cut.begin(), cut.end());
    }
    return std::make_unique<ListSource>(name, std::move(pieces));
  }

  const TableSchemaPtr& schema() const { return schema_; }
  Arena* arena() { return &arena_; }

 private:
  TableSchemaPtr schema_;
  Arena arena_;
  ToyReader reader_;
  std::deque<std::map<std::pair<Token, std::string>, PartitionContent>> gathered_;
};

}  // namespace braid::testing
