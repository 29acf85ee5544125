// What reconciliation remembers: the join of all writes seen. Not an image: it keeps timestamps and tombstones.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "base/bytes.h"
#include "model/mutation.h"
#include "model/time.h"

namespace braid {

// Of one row, regular or static. Deletions of the partition and of ranges are in the header; a row holds only what
// those do not cover.
struct RowState {
  ByteView clustering;  // as RowUpdate::clustering; of the first copy seen
  Liveness liveness;
  Deletion deletion;
  std::span<const ComplexDeletion> complex_deletions;  // by column id
  std::span<const Cell> cells;                         // by column id, then path
  uint64_t revision = 0;                               // of the last Change; 0: none yet
  // The greatest order time (reconcile/lww/write.h) of a write that gave a Change; expiries do not count.
  WriteTime last_emitted;
  // The latest expiry of a part of this row that has passed: it and all before it were announced (or were over before
  // they were seen), so that no later clock announces them again. The least second: none has.
  UnixSeconds expired_through{std::numeric_limits<int64_t>::min()};
  // Columns of which no write has been seen although older ones may exist; by id. Meaningless where `complete`.
  bool complete = true;
  std::span<const ColumnId> unknown;
};

// Of one partition.
struct PartitionHeader {
  Deletion deletion;
  std::span<const RangeDeletion> ranges;  // disjoint, by start; none covered by `deletion`
  WriteTime clock;                        // the greatest write time applied
  WriteTime last_emitted;                 // the greatest write time of a Change
  bool complete = true;                   // rows not in state are known not to exist
};

}  // namespace braid
