// What a snapshot of a table says of a row, held against what the state has of it: pure rules, as those of apply.h.
//
// A snapshot is the join of what all replicas hold of a row at one moment. It is merged as any write is; and where it
// is the whole truth, what the state has and the snapshot lacks is contradicted by it: the write that ended it was
// never seen, and the database has forgotten its tombstone since.
#pragma once

#include "reconcile/lww/apply.h"

namespace braid {

// What stands around a row of a snapshot.
struct SnapshotSight {
  // All replicas were read: what the snapshot lacks was not there, and of what it has nothing is missing.
  bool whole = false;
  // A write that the snapshot may not have touched the row: nothing follows from what the snapshot lacks.
  bool touched = false;
  // What contradicts the state corrects it (cause kRepair), rather than tells of it for the first time (kBackfill).
  bool repair = false;
  UnixSeconds now;
  // The deletion of the partition or of a range by which the snapshot covers the row; live if there is none.
  Deletion covering;
  // The host puts `covering` into the header in the same step; else the row's state has to hold it.
  bool header_takes_covering = true;
};

struct SnapshotOutcome {
  RowOutcome row;
  // Not a join alone: something of the state went because the snapshot lacks it.
  bool contradicts = false;
};

// Holds `row` (its state, nullptr: there is none) against `found` (what the snapshot has of it, nullptr: nothing).
// Updates the clocks of `header`, which is as it was before `sight.covering`. What was due in the row by `sight.now`
// must have been announced. Of a change: the verdict is kChange and the Change is whole, but for `sequence`:
//
//   kRead     of a row never told of (kBackfill); ts is the greatest write time of what is live in it
//   kCreate, kUpdate, kDelete   of one that was; ts is the greatest write time of what is known of it now, and of a row
//             that the snapshot lacks that of what was live
//
// Nothing is told where the image stays as it was and no column becomes known. The row of a `whole` snapshot is
// complete from then on. A row that the snapshot lacks keeps a deletion at its `ts`, so that no copy of what it was
// brings it back. Errors: as ApplyToRow's.
Result<SnapshotOutcome> ApplySnapshotToRow(const TableSchema& schema, Token token, ByteView partition_key,
                                           PartitionHeader* header, const RowRef& ref, const RowState* row,
                                           const RowUpdate* found, const SnapshotSight& sight, Arena* arena);

}  // namespace braid
