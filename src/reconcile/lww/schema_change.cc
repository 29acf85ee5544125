// What a change of the table's definition does to its rows.
#include <algorithm>

#include "reconcile/lww/apply.h"
#include "reconcile/lww/image.h"
#include "reconcile/lww/merge.h"

namespace braid {
namespace {

bool IsOld(const TableSchema& schema, ColumnId id) {
  return ColumnOf(schema, id) != nullptr;
}

// Live cells that count by `one` and not by `other`.
template <typename Visit>
void ForCellsOnlyIn(const TableSchema& one, const TableSchema& other, const RowState& row, UnixSeconds now,
                    Visit visit) {
  for (const Cell& cell : row.cells) {
    if (!IsOld(one, cell.column) || !IsOld(other, cell.column) || !IsLive(cell, now)) continue;
    if (Counts(one, cell.column, cell.at) && !Counts(other, cell.column, cell.at)) visit(cell);
  }
}

// When the last of the columns was dropped by which `before` and `after` differ.
WriteTime DroppedAt(const TableSchema& before, const TableSchema& after) {
  WriteTime dropped_at;
  for (const Column& column : before.columns) {
    if (IsOld(after, column.id)) dropped_at = std::max(dropped_at, after.column(column.id).dropped_at);
  }
  return dropped_at;
}

}  // namespace

bool RedefinesRows(const TableSchema& before, const TableSchema& after) {
  return std::ranges::any_of(before.columns, [&](const Column& column) {
    const Column* now = ColumnOf(after, column.id);
    return now != nullptr && (now->dropped != column.dropped || now->dropped_at != column.dropped_at);
  });
}

RowOutcome RedefineRow(const TableSchema& before, const TableSchema& after, Token token, ByteView partition_key,
                       PartitionHeader* header, const RowRef& ref, const RowState& row, UnixSeconds now, Arena* arena) {
  RowOutcome outcome;
  now = std::max(now, row.expired_through);
  // A row without known history is taken to exist whatever is known of it.
  if (!row.complete) return outcome;
  const bool existed = ExistsAt(before, row, now);
  if (existed == ExistsAt(after, row, now)) return outcome;

  outcome.verdict = Verdict::kChange;
  outcome.state = row;
  ++outcome.state.revision;
  outcome.due_before = NextExpiry(row);
  Change& change = outcome.change;
  change.token = token;
  change.partition_key = partition_key;
  change.row = ref.is_static ? RowKind::kStatic : RowKind::kRegular;
  change.clustering = row.clustering;
  change.cause = Cause::kSchema;
  change.revision = outcome.state.revision;
  const std::span<ColumnId> columns = arena->NewArray<ColumnId>(row.cells.size());
  size_t n = 0;
  const auto note = [&](const Cell& cell) {
    if (n == 0 || columns[n - 1] != cell.column) columns[n++] = cell.column;
    if (!existed) change.ts = std::max(change.ts, cell.at);
  };
  if (existed) {
    change.schema = &before;
    change.op = Op::kDelete;
    change.ts = DroppedAt(before, after);
    change.before = ImageAt(before, change.row, row, {}, now, arena);
    ForCellsOnlyIn(before, after, row, now, note);
    const std::span<Cell> rest = arena->NewArray<Cell>(row.cells.size());
    // A cell that claims to be written after the drop stays: it counts again if the column is added again.
    const auto end = std::ranges::copy_if(row.cells, rest.begin(), [&](const Cell& cell) {
                       const Column* column = ColumnOf(after, cell.column);
                       return column == nullptr || cell.at > column->dropped_at;
                     }).out;
    outcome.state.cells = rest.first(static_cast<size_t>(end - rest.begin()));
  } else {
    change.schema = &after;
    change.op = Op::kCreate;
    change.after = ImageAt(after, change.row, row, {}, now, arena);
    ForCellsOnlyIn(after, before, row, now, note);
  }
  change.written = columns.first(n);
  outcome.due_after = NextExpiry(outcome.state);
  change.late = change.ts < header->last_emitted;
  header->last_emitted = std::max(header->last_emitted, change.ts);
  return outcome;
}

}  // namespace braid
