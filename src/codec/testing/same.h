// Deep equality of the seam types, for tests. They hold views, spans and pointers, of which `==` would compare
// addresses.
#pragma once

#include <algorithm>
#include <span>

#include "model/change.h"
#include "model/commit.h"
#include "model/mutation.h"
#include "model/row_state.h"
#include "model/schema.h"

namespace braid::testing {

template <typename T, typename Same>
bool SameItems(std::span<const T> a, std::span<const T> b, Same same) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

inline bool Same(const Bound& a, const Bound& b) {
  return a.cut == b.cut && a.values == b.values && a.size == b.size && a.inclusive == b.inclusive;
}
inline bool Same(const RangeDeletion& a, const RangeDeletion& b) {
  return Same(a.start, b.start) && Same(a.end, b.end) && a.deletion == b.deletion;
}
inline bool SameRanges(std::span<const RangeDeletion> a, std::span<const RangeDeletion> b) {
  return SameItems(a, b, [](const RangeDeletion& x, const RangeDeletion& y) { return Same(x, y); });
}
inline bool Same(const RowUpdate& a, const RowUpdate& b) {
  return a.key == b.key && a.clustering == b.clustering && a.liveness == b.liveness && a.deletion == b.deletion &&
         std::ranges::equal(a.complex_deletions, b.complex_deletions) && std::ranges::equal(a.cells, b.cells);
}
inline bool Same(const Mutation& a, const Mutation& b) {
  if (a.schema->id != b.schema->id || a.token != b.token || a.partition_key != b.partition_key ||
      a.partition_deletion != b.partition_deletion || a.position != b.position ||
      (a.static_row == nullptr) != (b.static_row == nullptr)) {
    return false;
  }
  if (a.static_row != nullptr && !Same(*a.static_row, *b.static_row)) return false;
  return SameItems(a.rows, b.rows, [](const RowUpdate& x, const RowUpdate& y) { return Same(x, y); }) &&
         SameRanges(a.ranges, b.ranges);
}
inline bool Same(const Transaction& a, const Transaction& b) {
  return a.position == b.position &&
         SameItems(a.mutations, b.mutations, [](const Mutation& x, const Mutation& y) { return Same(x, y); });
}
inline bool Same(const RowState& a, const RowState& b) {
  return a.clustering == b.clustering && a.liveness == b.liveness && a.deletion == b.deletion &&
         std::ranges::equal(a.complex_deletions, b.complex_deletions) && std::ranges::equal(a.cells, b.cells) &&
         a.revision == b.revision && a.last_emitted == b.last_emitted && a.expired_through == b.expired_through &&
         a.complete == b.complete && std::ranges::equal(a.unknown, b.unknown);
}
inline bool Same(const PartitionHeader& a, const PartitionHeader& b) {
  return a.deletion == b.deletion && SameRanges(a.ranges, b.ranges) && a.clock == b.clock &&
         a.last_emitted == b.last_emitted && a.complete == b.complete;
}
inline bool Same(const ColumnValue& a, const ColumnValue& b) {
  return a.column == b.column && a.null == b.null && a.value == b.value;
}
inline bool Same(const Image* a, const Image* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return SameItems(a->columns, b->columns, [](const ColumnValue& x, const ColumnValue& y) { return Same(x, y); });
}
// Sequences too.
inline bool Same(const Change& a, const Change& b) {
  return a.sequence == b.sequence && a.schema->id == b.schema->id && a.token == b.token &&
         a.partition_key == b.partition_key && a.row == b.row && a.clustering == b.clustering &&
         Same(a.range_start, b.range_start) && Same(a.range_end, b.range_end) && a.op == b.op && a.cause == b.cause &&
         a.ts == b.ts && a.origin == b.origin && a.revision == b.revision && std::ranges::equal(a.written, b.written) &&
         a.complete == b.complete && std::ranges::equal(a.unknown, b.unknown) && a.late == b.late &&
         a.confirmed == b.confirmed && a.snapshot == b.snapshot && Same(a.before, b.before) && Same(a.after, b.after);
}
inline bool Same(const Column& a, const Column& b) {
  return a.id == b.id && a.name == b.name && a.kind == b.kind && a.position == b.position && *a.type == *b.type &&
         a.descending == b.descending && a.dropped == b.dropped && a.dropped_at == b.dropped_at;
}
inline bool Same(const TableSchema& a, const TableSchema& b) {
  return a.id == b.id && a.table_id == b.table_id && a.keyspace == b.keyspace && a.table == b.table && a.cdc == b.cdc &&
         a.counter == b.counter && a.gc_grace_s == b.gc_grace_s &&
         SameItems<Column>(a.columns, b.columns, [](const Column& x, const Column& y) { return Same(x, y); });
}
inline bool Same(const Commit& a, const Commit& b) {
  const auto same_state = [](const StateWrite& x, const StateWrite& y) {
    return x.key == y.key && x.value == y.value && x.erased == y.erased;
  };
  const auto same_timer = [](const Timer& x, const Timer& y) {
    return x.due == y.due && x.key == y.key && x.cancelled == y.cancelled;
  };
  const auto same_source = [](const SourcePosition& x, const SourcePosition& y) { return x.position == y.position; };
  const auto same_schema = [](const TableSchemaPtr& x, const TableSchemaPtr& y) { return Same(*x, *y); };
  return a.shard == b.shard && a.number == b.number && a.first_sequence == b.first_sequence && a.changes == b.changes &&
         std::ranges::equal(a.positions, b.positions, same_source) &&
         std::ranges::equal(a.schemas, b.schemas, same_schema) && std::ranges::equal(a.state, b.state, same_state) &&
         std::ranges::equal(a.timers, b.timers, same_timer);
}

}  // namespace braid::testing
