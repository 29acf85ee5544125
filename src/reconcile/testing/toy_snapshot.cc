#include "reconcile/testing/toy_snapshot.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"
#include "reconcile/lww/merge.h"

namespace braid::testing {
namespace {

struct Partition {
  PartitionHeader header;
  std::optional<RowUpdate> static_row;
  std::map<std::string, RowUpdate> rows;
};

RowUpdate Joined(const TableSchema& schema, const RowUpdate& a, const RowUpdate& b, const Deletion& outer,
                 Arena* arena) {
  const Result<RowContent> merged = MergeContents(schema, outer, ContentOf(a), ContentOf(b), arena);
  CHECK(merged.has_value());
  RowUpdate row = a;
  row.liveness = merged->liveness;
  row.deletion = merged->deletion;
  row.complex_deletions = merged->complex_deletions;
  row.cells = merged->cells;
  return row;
}

void Add(const Mutation& mutation, Partition* to, Arena* arena) {
  const TableSchema& schema = *mutation.schema;
  to->header.deletion = Stronger(to->header.deletion, mutation.partition_deletion);
  for (const RangeDeletion& range : mutation.ranges) to->header.ranges = MergeRanges(to->header.ranges, range, arena);
  if (mutation.static_row != nullptr) {
    const RowUpdate& row = *mutation.static_row;
    to->static_row = Joined(schema, to->static_row.value_or(row), row, {}, arena);
  }
  for (const RowUpdate& row : mutation.rows) {
    const auto [known, is_new] = to->rows.try_emplace(std::string(row.key), row);
    known->second = Joined(schema, known->second, row, {}, arena);
  }
}

// What is alive of the row.
RowUpdate Purged(const TableSchema& schema, const RowUpdate& row, const Deletion& outer, UnixSeconds now,
                 Arena* arena) {
  RowUpdate rest = Joined(schema, row, RowUpdate{}, outer, arena);
  rest.deletion = {};
  rest.complex_deletions = {};
  if (!IsLive(rest.liveness, now)) rest.liveness = {};
  std::vector<Cell> cells(rest.cells.begin(), rest.cells.end());
  std::erase_if(cells, [&](const Cell& cell) { return !IsLive(cell, now); });
  rest.cells = arena->CopyArray(cells);
  return rest;
}

void Purge(const TableSchema& schema, UnixSeconds now, Partition* partition, Arena* arena) {
  if (partition->static_row.has_value()) {
    partition->static_row = Purged(schema, *partition->static_row, partition->header.deletion, now, arena);
    if (ContentOf(*partition->static_row).empty()) partition->static_row.reset();
  }
  for (auto& [key, row] : partition->rows) {
    row = Purged(schema, row, OuterDeletion(partition->header, key), now, arena);
  }
  std::erase_if(partition->rows, [](const auto& row) { return ContentOf(row.second).empty(); });
  partition->header = {};
}

// The ranges between two cuts; `to` nullptr: to the end.
std::span<const RangeDeletion> Between(std::span<const RangeDeletion> ranges, ByteView from, const ByteView* to,
                                       Arena* arena) {
  std::vector<RangeDeletion> cut;
  for (RangeDeletion range : ranges) {
    if (range.start.cut < from) range.start.cut = from;
    if (to != nullptr && *to < range.end.cut) range.end.cut = *to;
    if (range.start.cut < range.end.cut) cut.push_back(range);
  }
  return arena->CopyArray(cut);
}

void Cut(const Mutation& blank, const Partition& partition, const std::function<size_t()>& rows_of_piece, Arena* arena,
         std::vector<ToyPiece>* to) {
  std::vector<RowUpdate> rows;
  rows.reserve(partition.rows.size());
  for (const auto& [key, row] : partition.rows) rows.push_back(row);
  ByteView from;
  size_t next = 0;
  for (bool first = true; first || next < rows.size(); first = false) {
    ToyPiece& piece = to->emplace_back();
    piece.mutation = blank;
    piece.first = first;
    const size_t n = std::min(rows_of_piece(), rows.size() - next);
    piece.mutation.rows = arena->CopyArray(std::span<const RowUpdate>(rows).subspan(next, n));
    next += n;
    piece.last = next == rows.size();
    ByteView end;
    if (n > 0) end = arena->Copy(std::string(rows[next - 1].key) + '\0');
    piece.mutation.ranges = Between(partition.header.ranges, from, piece.last ? nullptr : &end, arena);
    from = end;
    if (!first) continue;
    piece.mutation.partition_deletion = partition.header.deletion;
    if (!partition.static_row.has_value()) continue;
    RowUpdate* row = arena->New<RowUpdate>();
    *row = *partition.static_row;
    piece.mutation.static_row = row;
  }
}

}  // namespace

std::vector<ToyPiece> SnapshotOf(std::span<const Mutation> mutations, const std::function<size_t()>& rows_of_piece,
                                 bool purged, UnixSeconds now, Arena* arena) {
  std::map<std::pair<Token, std::string>, Partition> partitions;
  for (const Mutation& mutation : mutations) {
    Add(mutation, &partitions[{mutation.token, std::string(mutation.partition_key)}], arena);
  }
  std::vector<ToyPiece> pieces;
  for (auto& [place, partition] : partitions) {
    Mutation blank;
    blank.schema = mutations.front().schema;
    blank.token = place.first;
    blank.partition_key = arena->Copy(place.second);
    if (purged) Purge(*blank.schema, now, &partition, arena);
    if (!purged || partition.static_row.has_value() || !partition.rows.empty()) {
      Cut(blank, partition, rows_of_piece, arena, &pieces);
    }
  }
  return pieces;
}

}  // namespace braid::testing
