// A snapshot of a table, given to the reconciler piece by piece: the rules of one pass, and where it stands.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "model/change.h"
#include "reconcile/state.h"

namespace braid {

// How the pieces of a snapshot are to be believed. May change from call to call.
struct SnapshotRules {
  // What every replica has of these tokens was read whole: what the snapshot lacks was not there when it was begun, and
  // of what it has nothing is missing. False: it is merged, but nothing ends because it is not there, and what was
  // incomplete stays so.
  bool whole = false;
  // The history of the table was known before: a row of which the state was wrong is told of with cause kRepair. False:
  // a first backfill, kBackfill. A row told of for the first time is kBackfill either way, and one that the snapshot
  // lacks kRepair.
  bool repair = false;
  // True if a write that the snapshot may not have touched the row, by itself or as one of many (deletions of ranges
  // and partitions): any that was applied since the snapshot was begun. May answer true too often. Empty: none did.
  std::function<bool(const PartitionRef&, const RowRef&)> touched;
  // As for Apply: what has run out by then is not told.
  UnixSeconds now;
};

// Where a pass over a table stands. All but `deletion` belongs into the host's commit, so that another process goes on
// there, with a new snapshot.
struct SnapshotCursor {
  // The key of the record at which it goes on; empty: at the beginning of the table. Opaque.
  std::string next;
  // All that is not in the state was not there (`whole`) from this key up to `next`; empty as `next`. Opaque.
  std::string known;
  // Of the partition of which more pieces are to come. Needs not be kept: a new snapshot begins its partitions anew.
  Deletion deletion;
};

// How a row of the state differs from the truth, to CompareSnapshotPiece.
enum class Difference : uint8_t {
  kMissing,    // the row is not in the state, or dead there
  kExtra,      // it is alive only in the state
  kStale,      // what it lacks is news to the state: nothing that the state has is wrong otherwise
  kDifferent,  // the state has something that the truth has not
};

class DifferenceSink {
 public:
  virtual ~DifferenceSink() = default;

  // `repair` is the Change that would set the state right: `before` is what the state has (nullptr: kMissing), `after`
  // the truth (nullptr: kExtra), `written` the columns that differ. Lives until this returns. An error stops the
  // comparison, which returns it.
  virtual Status Tell(Difference difference, const Change& repair) = 0;
};

}  // namespace braid
