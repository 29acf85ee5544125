// What becomes of a row when its table is truncated.
#include <algorithm>

#include "reconcile/lww/apply.h"
#include "reconcile/lww/image.h"

namespace braid {

RowOutcome TruncateRow(const TableSchema& schema, Token token, ByteView partition_key, PartitionHeader* header,
                       const RowRef& ref, const RowState& row, WriteTime at, UnixSeconds now, Arena* arena) {
  RowOutcome outcome;
  now = std::max(now, row.expired_through);
  // A row without known history is taken to exist whatever is known of it.
  if (row.complete && !ExistsAt(schema, row, now)) return outcome;
  outcome.verdict = Verdict::kChange;
  outcome.forget = true;
  outcome.due_before = NextExpiry(row);
  outcome.due_after = UnixSeconds::Never();
  Change& change = outcome.change;
  change.schema = &schema;
  change.token = token;
  change.partition_key = partition_key;
  change.row = ref.is_static ? RowKind::kStatic : RowKind::kRegular;
  change.clustering = row.clustering;
  change.op = Op::kDelete;
  change.cause = Cause::kTruncate;
  change.ts = at;
  change.revision = row.revision + 1;
  change.complete = row.complete;
  change.unknown = row.unknown;
  change.before = ImageAt(schema, change.row, row, row.unknown, now, arena);
  change.late = at < header->last_emitted;
  header->last_emitted = std::max(header->last_emitted, at);
  return outcome;
}

}  // namespace braid
