// Within pipeline/merge: the join of what several sources say of one stretch of a partition. Pure functions; results
// point into the arena and the arguments.
#pragma once

#include <span>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "model/mutation.h"
#include "model/schema.h"

namespace braid::internal {

// The end of one stretch as the beginning of the next, and the other way round: the same cut, told to people from the
// other side.
inline Bound OtherSide(Bound bound) {
  bound.inclusive = !bound.inclusive;
  return bound;
}

// The join of two copies of one row, deletions around it left aside. kUnsupported, kCorrupt: counters that cannot be
// merged, with the table.
Result<RowUpdate> JoinRow(const TableSchema& schema, const RowUpdate& a, const RowUpdate& b, Arena* arena);

// The join of lists of rows, each by key: every key once. Empties `lists`.
Result<std::span<const RowUpdate>> JoinRows(const TableSchema& schema, std::vector<std::span<const RowUpdate>>* lists,
                                            Arena* arena);

// The join of lists of range deletions, each disjoint and by start: one such list, in which each stretch has the
// strongest deletion and neighbours of one deletion are one range. A single list stays as it is. Empties `lists`.
std::span<const RangeDeletion> JoinRanges(std::vector<std::span<const RangeDeletion>>* lists, Arena* arena);

}  // namespace braid::internal
