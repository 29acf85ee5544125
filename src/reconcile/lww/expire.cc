// What time alone does to a row: parts of it run out, and in the end it may be forgotten.
#include <algorithm>

#include "base/check.h"
#include "reconcile/lww/apply.h"
#include "reconcile/lww/image.h"
#include "reconcile/lww/merge.h"
#include "reconcile/lww/transition.h"

namespace braid {
namespace {

// The columns of the schema of which a cell that counts expires at `second`, by id.
std::span<const ColumnId> ExpiringAt(const TableSchema& schema, const RowState& row, UnixSeconds second, Arena* arena) {
  std::span<ColumnId> columns = arena->NewArray<ColumnId>(row.cells.size());
  size_t n = 0;
  for (const Cell& cell : row.cells) {
    if (cell.kind != CellKind::kExpiring || cell.local_deletion != second) continue;
    const Column* column = ColumnOf(schema, cell.column);
    if (column == nullptr || !Counts(*column, cell.at)) continue;
    if (n == 0 || columns[n - 1] != cell.column) columns[n++] = cell.column;
  }
  return columns.first(n);
}

class Purger {
 public:
  explicit Purger(const PurgeLimits& limits) : limits_(limits) {}

  // True if what was written at `at` and is dead since `dead_since` can have nothing left to hide.
  bool MayGo(WriteTime at, UnixSeconds dead_since) const {
    return !limits_.open_gap && dead_since.s < limits_.now.s - limits_.gc_grace_s && at < limits_.sources_passed;
  }
  bool MayGo(const Deletion& deletion) const { return !deletion.live() && MayGo(deletion.at, deletion.local); }
  bool MayGo(const TableSchema& schema, const Cell& cell, UnixSeconds expired_through) const {
    // Of a column that was dropped since: it never shows again, and a late copy of it would not either.
    const Column* column = ColumnOf(schema, cell.column);
    if (column != nullptr && cell.at <= column->dropped_at) return true;
    if (cell.kind == CellKind::kLive) return false;
    if (cell.kind == CellKind::kExpiring && cell.local_deletion > expired_through) return false;
    return MayGo(cell.at, cell.local_deletion);
  }

 private:
  const PurgeLimits& limits_;
};

}  // namespace

RowOutcome ExpireRow(const TableSchema& schema, Token token, ByteView partition_key, PartitionHeader* header,
                     const RowRef& ref, const RowState& row, Arena* arena) {
  const UnixSeconds due = NextExpiry(row);
  CHECK(!due.never());
  RowOutcome outcome;
  outcome.state = row;
  internal::Transition transition;
  transition.schema = &schema;
  transition.token = token;
  transition.partition_key = partition_key;
  transition.ref = ref;
  transition.before = &row;
  // Between the last expiry and this one nothing ran out, so the row was then as it is a second before it.
  transition.now_before = UnixSeconds{due.s - 1};
  transition.now_after = due;
  // A second that no write time can name comes from a broken clock: it is the greatest there is.
  constexpr int64_t kMicros = 1'000'000;
  transition.order_time = WriteTime{
      due.s > std::numeric_limits<int64_t>::max() / kMicros ? std::numeric_limits<int64_t>::max() : due.s * kMicros};
  const std::span<const ColumnId> written = ExpiringAt(schema, row, due, arena);
  const bool ends_row = internal::IsTakenToExist(schema, row, transition.now_before) &&
                        !internal::IsTakenToExist(schema, row, transition.now_after);
  if (written.empty() && !ends_row) {
    // A marker ran out, but the row lives by its cells: nobody can see a difference.
    outcome.state.expired_through = due;
    outcome.due_before = due;
    outcome.due_after = NextExpiry(outcome.state);
    outcome.verdict = Verdict::kSilent;
    return outcome;
  }
  const WriteTime emitted_before = header->last_emitted;
  internal::Tell(transition, header, &outcome, arena);
  outcome.change.cause = Cause::kTtl;
  outcome.change.ts = transition.order_time;
  outcome.change.written = written;
  outcome.change.late = transition.order_time < emitted_before;
  return outcome;
}

std::optional<RowState> PurgeRow(const TableSchema& schema, const RowState& row, const PurgeLimits& limits,
                                 Arena* arena) {
  const Purger purger(limits);
  RowState rest = row;
  if (purger.MayGo(row.deletion)) rest.deletion = {};
  if (!row.liveness.none() && row.liveness.ttl_s != 0 && !IsLive(row.liveness, limits.now) &&
      row.liveness.expires <= row.expired_through && purger.MayGo(row.liveness.at, row.liveness.expires)) {
    rest.liveness = {};
  }
  std::span<ComplexDeletion> complex = arena->NewArray<ComplexDeletion>(row.complex_deletions.size());
  const auto complex_end = std::ranges::copy_if(row.complex_deletions, complex.begin(), [&](const auto& deletion) {
                             return !purger.MayGo(deletion.deletion);
                           }).out;
  rest.complex_deletions = complex.first(static_cast<size_t>(complex_end - complex.begin()));
  std::span<Cell> cells = arena->NewArray<Cell>(row.cells.size());
  const auto cells_end = std::ranges::copy_if(row.cells, cells.begin(), [&](const Cell& cell) {
                           return !purger.MayGo(schema, cell, row.expired_through);
                         }).out;
  rest.cells = cells.first(static_cast<size_t>(cells_end - cells.begin()));
  const bool dead = row.complete && !ExistsAt(schema, rest, limits.now);
  // Its revision goes only when no copy of its last write can come any more.
  if (dead && ContentOf(rest).empty() && !limits.open_gap && row.last_emitted < limits.sources_passed) {
    return std::nullopt;
  }
  return rest;
}

PartitionHeader PurgeHeader(const PartitionHeader& header, const PurgeLimits& limits, Arena* arena) {
  // In a partition without known history a deletion is also what makes rows complete.
  if (!header.complete) return header;
  const Purger purger(limits);
  PartitionHeader rest = header;
  if (purger.MayGo(header.deletion)) rest.deletion = {};
  std::span<RangeDeletion> ranges = arena->NewArray<RangeDeletion>(header.ranges.size());
  const auto end = std::ranges::copy_if(header.ranges, ranges.begin(), [&](const RangeDeletion& range) {
                     return !purger.MayGo(range.deletion);
                   }).out;
  rest.ranges = ranges.first(static_cast<size_t>(end - ranges.begin()));
  return rest;
}

}  // namespace braid
