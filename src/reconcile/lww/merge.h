// Cassandra's rules of which write wins, as pure functions (org.apache.cassandra.db.rows.Cells, Row.Merger,
// DeletionTime, LivenessInfo, context.CounterContext). Every join is commutative, associative and idempotent.
//
// Results point into the arena and into the arguments.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <span>

#include "base/arena.h"
#include "base/result.h"
#include "model/mutation.h"
#include "model/row_state.h"

namespace braid {

// True if `a` is to be kept rather than `b`: it deletes up to a later time or, if that is equal, is of a later second.
inline bool Supersedes(const Deletion& a, const Deletion& b) {
  if (a.at != b.at) return a.at > b.at;
  return !a.live() && a.local > b.local;
}
inline const Deletion& Stronger(const Deletion& a, const Deletion& b) {
  return Supersedes(b, a) ? b : a;
}

// Positive if `a` wins over `b`, negative if `b` wins, 0 if they are the same. Of regular cells of one column and path.
int CompareCells(const Cell& a, const Cell& b);

// The same of two markers of one row.
int CompareLiveness(const Liveness& a, const Liveness& b);

// What a row holds, apart from its history: the part of RowState and RowUpdate that merges.
struct RowContent {
  Liveness liveness;
  Deletion deletion;
  std::span<const ComplexDeletion> complex_deletions;  // by column id
  std::span<const Cell> cells;                         // by column id, then path

  bool empty() const { return liveness.none() && deletion.live() && complex_deletions.empty() && cells.empty(); }
};
RowContent ContentOf(const RowUpdate& update);
RowContent ContentOf(const RowState& state);
// `state` with other content; what it remembers besides stays.
RowState WithContent(RowState state, const RowContent& content);

// The greatest time of anything in it, deletions too; none if it is empty.
WriteTime GreatestTime(const RowContent& row);

// True if the two hold the same, part for part.
bool SameContent(const RowContent& a, const RowContent& b);

// What a merge of a row's state `a` with an update `b` came to, for the one who must tell.
struct MergeTrace {
  UnixSeconds now;         // given: when to ask what is live
  bool adds = false;       // a cell or liveness of `b` is in the result that was not in `a`
  bool shows = false;      // such a cell is live at `now`, or took the place of one that was
  bool ends_live = false;  // something of `a` that is live at `now` was removed by a deletion
  // None counts what the schema says was dropped.
};

// The join of two contents of one row, under the deletion `outer` of its partition or of a range around it: what
// `outer` or a stronger deletion covers is left out, and so are deletions that are not stronger than those around them.
// kUnsupported: a counter with local or remote shards.
Result<RowContent> MergeContents(const TableSchema& schema, const Deletion& outer, const RowContent& a,
                                 const RowContent& b, Arena* arena, MergeTrace* trace = nullptr);

// Whether a join would change `state` (not counting its own garbage), found without allocating.
enum class Overlap : uint8_t {
  kNews,       // something of the update is not in the state, or stronger than what is
  kCopy,       // all of it is there, just so
  kOvertaken,  // nothing of it is news; something of it was superseded
};
// As MergeContents' errors: a counter that cannot be merged counts as kNews, and the merge will say.
Overlap OverlapOf(const TableSchema& schema, const Deletion& outer, const RowContent& state, const RowContent& update);

// The column, or nullptr if the schema is older than it: state may hold cells that a newer definition named.
inline const Column* ColumnOf(const TableSchema& schema, ColumnId id) {
  return id.value < schema.columns.size() ? &schema.columns[id.value] : nullptr;
}

// True unless `column`'s schema says that what was written to it at `at` was dropped.
inline bool Counts(const Column& column, WriteTime at) {
  return !column.dropped && at > column.dropped_at;
}
// The same by id; what the schema does not know counts.
inline bool Counts(const TableSchema& schema, ColumnId id, WriteTime at) {
  const Column* column = ColumnOf(schema, id);
  return column == nullptr || Counts(*column, at);
}
// Cassandra's mark of a row marker that is born expired (LivenessInfo.EXPIRED_LIVENESS_TTL).
inline constexpr int32_t kExpiredLivenessTtl = std::numeric_limits<int32_t>::max();

// A cell's or marker's being alive at `now`, apart from deletions.
inline bool IsLive(const Cell& cell, UnixSeconds now) {
  return cell.kind == CellKind::kLive || (cell.kind == CellKind::kExpiring && now < cell.local_deletion);
}
inline bool IsLive(const Liveness& liveness, UnixSeconds now) {
  return !liveness.none() && (liveness.ttl_s == 0 || (liveness.ttl_s != kExpiredLivenessTtl && now < liveness.expires));
}

// True if `tombstone` is what Cassandra makes of `expiring` once it has run out, at `now` or before (BufferCell, at
// reading): a hint that is delivered late, or a repair, holds it in the cell's place.
inline bool IsExpiredFormOf(const Cell& tombstone, const Cell& expiring, UnixSeconds now) {
  return expiring.local_deletion <= now && tombstone.kind == CellKind::kTombstone &&
         expiring.kind == CellKind::kExpiring && tombstone.at == expiring.at &&
         tombstone.local_deletion.s == expiring.local_deletion.s - expiring.ttl_s;
}

// Negative, 0 or positive as cell `a` stands before, with or after `b` in a row: by column id, then path.
int ComparePlaces(const TableSchema& schema, const Cell& a, const Cell& b);

// The join of two counter contexts, shard by shard: the greater clock wins, then the greater count. kUnsupported if a
// shard is local or remote (written before Cassandra 2.1), kCorrupt if the bytes are no context.
Result<ByteView> MergeCounterContexts(ByteView a, ByteView b, Arena* arena);
// The sum of a context's counts; wraps as Cassandra's does. The bytes must have passed CheckCounterContext.
int64_t CounterTotal(ByteView context);
// The shard with the greatest clock (then id): when a counter's write happened, and on which leader. Of bytes that are
// no context: an empty id and clock.
struct CounterShard {
  ByteView id;
  int64_t clock = 0;
  int64_t count = 0;
};
CounterShard LatestShard(ByteView context);
// The context without its latest shard; empty if that was the only one. Bytes that are no context stay as they are.
ByteView WithoutLatestShard(ByteView context, Arena* arena);

// Sets of range deletions: disjoint, by start, neighbours with equal deletions joined.

// The deletion at row key `key`, live if there is none.
Deletion DeletionAt(std::span<const RangeDeletion> ranges, ByteView key);
// The deletion of the partition or of a range that is in force at `key`.
Deletion OuterDeletion(const PartitionHeader& header, ByteView key);
// `ranges` and `added`, cut where they overlap; the stronger deletion is kept in each piece.
std::span<const RangeDeletion> MergeRanges(std::span<const RangeDeletion> ranges, const RangeDeletion& added,
                                           Arena* arena);
// Those of `ranges` that are stronger than the partition's deletion.
std::span<const RangeDeletion> RangesAbove(std::span<const RangeDeletion> ranges, const Deletion& partition,
                                           Arena* arena);

}  // namespace braid
