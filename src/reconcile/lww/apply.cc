#include "reconcile/lww/apply.h"

#include <algorithm>

#include "reconcile/lww/image.h"
#include "reconcile/lww/merge.h"
#include "reconcile/lww/transition.h"

namespace braid {
namespace {

// All columns of `kind`, by id.
std::span<const ColumnId> AllColumns(const TableSchema& schema, RowKind kind, Arena* arena) {
  const std::span<ColumnId> columns = arena->CopyArray(ColumnsOf(schema, kind));
  std::ranges::sort(columns);
  return columns;
}

// The state of a row that was not seen before.
RowState FreshRow(const PartitionHeader& header, const Deletion& outer, const Mutation& write, Arena* arena) {
  RowState row;
  row.clustering = RowOf(write).clustering;
  row.complete = header.complete || !outer.live();
  if (!row.complete) {
    row.unknown = AllColumns(*write.schema, write.static_row != nullptr ? RowKind::kStatic : RowKind::kRegular, arena);
  }
  return row;
}

// True if the update says all there is to say of `column`: older writes to it can show no more.
bool Settles(const RowUpdate& update, const Column& column) {
  const auto is_column = [&](const auto& part) { return part.column == column.id; };
  if (column.multi_cell()) return std::ranges::any_of(update.complex_deletions, is_column);
  return std::ranges::any_of(update.cells, is_column);
}

// Takes note of what an update makes known of a row without known history.
void Learn(const TableSchema& schema, const RowUpdate& update, RowState* row, Arena* arena) {
  if (row->complete) return;
  if (!update.deletion.live() && row->deletion == update.deletion) {
    row->complete = true;
    row->unknown = {};
    return;
  }
  std::span<ColumnId> still = arena->NewArray<ColumnId>(row->unknown.size());
  const auto end = std::ranges::copy_if(row->unknown, still.begin(), [&](ColumnId id) {
                     const Column* column = ColumnOf(schema, id);
                     return column == nullptr || !Settles(update, *column);
                   }).out;
  row->unknown = still.first(static_cast<size_t>(end - still.begin()));
}

// True if a write of this time has been told of the row. (Increments of two leaders may have one clock: of counters,
// equal times do not mean one write.)
bool WasTold(const TableSchema& schema, const RowState& row, WriteTime time) {
  if (schema.counter || row.revision == 0 || row.last_emitted < time) return false;
  if (row.last_emitted == time || row.liveness.at == time) return true;
  return std::ranges::any_of(row.cells, [&](const Cell& cell) { return cell.at == time; });
}

// The columns that the update touches and that the schema still has, by id.
std::span<const ColumnId> Written(const TableSchema& schema, const RowUpdate& update, Arena* arena) {
  std::span<ColumnId> columns = arena->NewArray<ColumnId>(update.cells.size() + update.complex_deletions.size());
  size_t n = 0;
  const auto add = [&](ColumnId id, WriteTime at) {
    if (Counts(schema.column(id), at) && (n == 0 || columns[n - 1] != id)) columns[n++] = id;
  };
  for (const Cell& cell : update.cells) add(cell.column, cell.at);
  const size_t of_cells = n;
  for (const ComplexDeletion& complex : update.complex_deletions) add(complex.column, complex.deletion.at);
  if (of_cells != 0 && of_cells != n) {
    std::inplace_merge(columns.begin(), columns.begin() + static_cast<ptrdiff_t>(of_cells),
                       columns.begin() + static_cast<ptrdiff_t>(n));
    n = static_cast<size_t>(std::unique(columns.begin(), columns.begin() + static_cast<ptrdiff_t>(n)) -
                            columns.begin());
  }
  return columns.first(n);
}

}  // namespace

Plan PlanOf(const Mutation& write) {
  Plan plan;
  plan.target = TargetOf(write);
  plan.row.is_static = plan.target == Target::kStatic || plan.target == Target::kPartition;
  if (plan.target == Target::kRow) plan.row.key = RowOf(write).key;
  return plan;
}

PartitionHeader FreshHeader(bool history_known) {
  PartitionHeader header;
  header.complete = history_known;
  return header;
}

Result<RowOutcome> ApplyToRow(PartitionHeader* header, const RowState* row, const Mutation& write, UnixSeconds now,
                              Arena* arena) {
  const TableSchema& schema = *write.schema;
  const RowUpdate& update = RowOf(write);
  const Plan plan = PlanOf(write);
  const Deletion outer = plan.row.is_static ? header->deletion : OuterDeletion(*header, update.key);
  const RowState before = row != nullptr ? *row : FreshRow(*header, outer, write, arena);

  RowOutcome outcome;
  switch (OverlapOf(schema, outer, ContentOf(before), ContentOf(update))) {
    case Overlap::kCopy:
      outcome.verdict = Verdict::kCopy;
      return outcome;
    case Overlap::kOvertaken:
      outcome.verdict = Verdict::kOvertaken;
      return outcome;
    case Overlap::kNews:
      break;
  }

  internal::Transition transition;
  transition.schema = &schema;
  transition.token = write.token;
  transition.partition_key = write.partition_key;
  transition.ref = plan.row;
  transition.before = &before;
  transition.now_before = transition.now_after = std::max(now, before.expired_through);
  transition.order_time = OrderOf(write).time;

  MergeTrace trace;
  trace.now = transition.now_before;
  ASSIGN_OR_RETURN(const RowContent merged,
                   MergeContents(schema, outer, ContentOf(before), ContentOf(update), arena, &trace));
  RowState& after = outcome.state;
  after = WithContent(before, merged);
  Learn(schema, update, &after, arena);

  const WriteTime time = WriteTimeOf(write);
  const WriteTime emitted_before = header->last_emitted;
  header->clock = std::max(header->clock, time);
  const bool ends_unknown = !before.complete && (after.complete || after.unknown.size() < before.unknown.size());
  // A marker and nulls that come later than the rest of their write say nothing, unless the row lives by them.
  const auto shows_nothing = [&] {
    return WasTold(schema, before, transition.order_time) &&
           internal::IsTakenToExist(schema, before, transition.now_before) ==
               internal::IsTakenToExist(schema, after, transition.now_after);
  };
  const bool is_news = trace.shows || trace.ends_live || ends_unknown || (trace.adds && !shows_nothing());
  if (!is_news) {
    after.expired_through = internal::ExpiredThrough(after, transition.now_after);
    outcome.due_before = NextExpiry(before);
    outcome.due_after = NextExpiry(after);
    outcome.verdict = Verdict::kSilent;
    return outcome;
  }
  internal::Tell(transition, header, &outcome, arena);
  if (outcome.verdict != Verdict::kChange) return outcome;
  after.last_emitted = std::max(before.last_emitted, transition.order_time);
  Change& change = outcome.change;
  change.cause = change.op == Op::kDelete && !update.deletion.live() ? Cause::kDelete : Cause::kWrite;
  change.ts = time;
  change.origin = write.position;
  change.written = Written(schema, update, arena);
  change.late = WasTold(schema, before, transition.order_time) || transition.order_time < emitted_before;
  return outcome;
}

}  // namespace braid
