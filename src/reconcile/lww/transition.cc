#include "reconcile/lww/transition.h"

#include <algorithm>

#include "reconcile/lww/image.h"
#include "reconcile/lww/merge.h"

namespace braid::internal {
namespace {

// A marker that is born expired was never alive: its end is no event.
bool Expires(const Liveness& liveness) {
  return !liveness.none() && liveness.ttl_s != 0 && liveness.ttl_s != kExpiredLivenessTtl;
}

const Image* BeforeImage(const Transition& transition, RowKind kind, Arena* arena) {
  const RowState& row = *transition.before;
  if (!row.complete && row.revision == 0) return arena->New<Image>();
  return ImageAt(*transition.schema, kind, row, row.unknown, transition.now_before, arena);
}

// Those of `unknown` that the schema has today.
std::span<const ColumnId> InSchema(const TableSchema& schema, std::span<const ColumnId> unknown, Arena* arena) {
  const auto is_there = [&](ColumnId id) {
    const Column* column = ColumnOf(schema, id);
    return column != nullptr && !column->dropped;
  };
  if (std::ranges::all_of(unknown, is_there)) return unknown;
  const std::span<ColumnId> rest = arena->NewArray<ColumnId>(unknown.size());
  return rest.first(static_cast<size_t>(std::ranges::copy_if(unknown, rest.begin(), is_there).out - rest.begin()));
}

}  // namespace

UnixSeconds ExpiredThrough(const RowState& row, UnixSeconds now) {
  UnixSeconds through = RowState{}.expired_through;
  if (Expires(row.liveness) && row.liveness.expires <= now) through = row.liveness.expires;
  for (const Cell& cell : row.cells) {
    if (cell.kind == CellKind::kExpiring && cell.local_deletion <= now)
      through = std::max(through, cell.local_deletion);
  }
  return through;
}

bool IsTakenToExist(const TableSchema& schema, const RowState& row, UnixSeconds now) {
  return !row.complete || ExistsAt(schema, row, now);
}

void Tell(const Transition& transition, PartitionHeader* header, RowOutcome* outcome, Arena* arena) {
  const TableSchema& schema = *transition.schema;
  const RowState& before = *transition.before;
  RowState& after = outcome->state;
  outcome->due_before = NextExpiry(before);
  after.expired_through = ExpiredThrough(after, transition.now_after);
  outcome->due_after = NextExpiry(after);
  const bool existed = IsTakenToExist(schema, before, transition.now_before);
  const bool exists = IsTakenToExist(schema, after, transition.now_after);
  if (!existed && !exists) {
    outcome->verdict = Verdict::kSilent;
    return;
  }
  outcome->verdict = Verdict::kChange;
  ++after.revision;
  header->last_emitted = std::max(header->last_emitted, transition.order_time);
  Change& change = outcome->change;
  change.schema = &schema;
  change.token = transition.token;
  change.partition_key = transition.partition_key;
  change.row = transition.ref.is_static ? RowKind::kStatic : RowKind::kRegular;
  change.clustering = after.clustering;
  change.op = !existed ? Op::kCreate : exists ? Op::kUpdate : Op::kDelete;
  change.revision = after.revision;
  change.complete = before.complete && after.complete;
  if (!change.complete) change.unknown = InSchema(schema, after.complete ? before.unknown : after.unknown, arena);
  if (existed) change.before = BeforeImage(transition, change.row, arena);
  if (exists) {
    change.after = ImageAt(schema, change.row, after, after.unknown, transition.now_after, arena);
  }
}

}  // namespace braid::internal

namespace braid {

UnixSeconds NextExpiry(const RowState& row) {
  UnixSeconds next = UnixSeconds::Never();
  if (internal::Expires(row.liveness) && row.liveness.expires > row.expired_through) next = row.liveness.expires;
  for (const Cell& cell : row.cells) {
    if (cell.kind == CellKind::kExpiring && cell.local_deletion > row.expired_through) {
      next = std::min(next, cell.local_deletion);
    }
  }
  return next;
}

}  // namespace braid
