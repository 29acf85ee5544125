#include "reconcile/hold/evidence.h"

#include <algorithm>

#include "reconcile/lww/merge.h"
#include "reconcile/lww/write.h"

namespace braid::internal {
namespace {

bool IsOfRow(Target target) {
  return target == Target::kRow || target == Target::kStatic;
}

bool Within(const RangeDeletion& range, ByteView key) {
  return range.start.cut <= key && key < range.end.cut;
}

// The strongest deletion of a partition or range in `logged` that is in force for the row of `write`.
Deletion OuterDeletionOf(const Mutation& logged, const Mutation& write) {
  Deletion strongest = logged.partition_deletion;
  if (TargetOf(write) != Target::kRow) return strongest;
  for (const RangeDeletion& range : logged.ranges) {
    if (Within(range, RowOf(write).key)) strongest = Stronger(strongest, range.deletion);
  }
  return strongest;
}

bool CoversRange(const Mutation& logged, const RangeDeletion& range) {
  if (!Supersedes(range.deletion, logged.partition_deletion)) return true;
  ByteView from = range.start.cut;
  for (const RangeDeletion& piece : logged.ranges) {
    if (Supersedes(range.deletion, piece.deletion) || piece.end.cut <= from) continue;
    if (from < piece.start.cut) break;
    from = piece.end.cut;
  }
  return from >= range.end.cut;
}

// Only what stands in the places that `write` has something in, and the deletions that reach them.
RowContent Restrict(const TableSchema& schema, const RowContent& content, const RowContent& write, Arena* arena) {
  RowContent rest;
  if (!write.liveness.none()) rest.liveness = content.liveness;
  rest.deletion = content.deletion;
  const auto has_column = [&](ColumnId column) {
    return std::ranges::any_of(write.cells, [&](const Cell& cell) { return cell.column == column; }) ||
           std::ranges::any_of(write.complex_deletions,
                               [&](const ComplexDeletion& complex) { return complex.column == column; });
  };
  if (!content.complex_deletions.empty()) {
    const std::span<ComplexDeletion> kept = arena->NewArray<ComplexDeletion>(content.complex_deletions.size());
    size_t n = 0;
    for (const ComplexDeletion& complex : content.complex_deletions) {
      if (has_column(complex.column)) kept[n++] = complex;
    }
    rest.complex_deletions = kept.first(n);
  }
  if (!content.cells.empty()) {
    const std::span<Cell> kept = arena->NewArray<Cell>(std::min(content.cells.size(), write.cells.size()));
    size_t n = 0;
    size_t i = 0;
    for (const Cell& cell : content.cells) {
      while (i < write.cells.size() && ComparePlaces(schema, write.cells[i], cell) < 0) ++i;
      if (i == write.cells.size()) break;
      if (ComparePlaces(schema, write.cells[i], cell) == 0) kept[n++] = cell;
    }
    rest.cells = kept.first(n);
  }
  return rest;
}

RowContent ContentFor(const Mutation& logged, const Mutation& write) {
  if (IsOfRow(TargetOf(logged))) return ContentOf(RowOf(logged));
  RowContent content;
  content.deletion = OuterDeletionOf(logged, write);
  return content;
}

Mutation WithRow(const Mutation& write, const RowContent& content, Arena* arena) {
  Mutation with = write;
  auto* row = arena->New<RowUpdate>();
  *row = RowOf(write);
  row->liveness = content.liveness;
  row->deletion = content.deletion;
  row->complex_deletions = content.complex_deletions;
  row->cells = content.cells;
  if (TargetOf(write) == Target::kStatic) {
    with.static_row = row;
  } else {
    with.rows = {row, 1};
  }
  return with;
}

}  // namespace

bool Concerns(const Mutation& logged, const Mutation& write) {
  const Target of = TargetOf(logged);
  const Target target = TargetOf(write);
  if (of == Target::kPartition) return true;
  if (of == Target::kRange) {
    const RangeDeletion& range = logged.ranges.front();
    if (target == Target::kRow) return Within(range, RowOf(write).key);
    if (target != Target::kRange) return false;
    const RangeDeletion& other = write.ranges.front();
    return range.start.cut < other.end.cut && other.start.cut < range.end.cut;
  }
  return of == target && RowOf(logged).key == RowOf(write).key;
}

bool Covers(const Mutation& logged, const Mutation& write) {
  switch (TargetOf(write)) {
    case Target::kPartition:
      return !Supersedes(write.partition_deletion, logged.partition_deletion);
    case Target::kRange:
      return CoversRange(logged, write.ranges.front());
    default:
      return OverlapOf(*write.schema, Deletion{}, ContentFor(logged, write), ContentOf(RowOf(write))) != Overlap::kNews;
  }
}

Result<std::optional<Mutation>> JoinEvidence(const Mutation* seen, const Mutation& logged, const Mutation& write,
                                             Arena* arena) {
  const Target target = TargetOf(write);
  if (!Concerns(logged, write)) return std::optional<Mutation>();
  // A partition's deletion is covered by one as strong, or not at all.
  if (target == Target::kPartition) return std::optional<Mutation>();
  if (target == Target::kRange) {
    if (TargetOf(logged) != Target::kRange) return std::optional<Mutation>();
    if (Supersedes(write.ranges.front().deletion, logged.ranges.front().deletion)) return std::optional<Mutation>();
    Mutation joined = write;
    joined.ranges =
        MergeRanges(seen != nullptr ? seen->ranges : std::span<const RangeDeletion>(), logged.ranges.front(), arena);
    return std::optional(joined);
  }
  const RowContent of_write = ContentOf(RowOf(write));
  const RowContent before = seen != nullptr ? ContentFor(*seen, write) : RowContent{};
  const RowContent added = Restrict(*write.schema, ContentFor(logged, write), of_write, arena);
  if (added.empty()) return std::optional<Mutation>();
  ASSIGN_OR_RETURN(const RowContent joined, MergeContents(*write.schema, Deletion{}, before, added, arena));
  return std::optional(WithRow(write, joined, arena));
}

}  // namespace braid::internal
