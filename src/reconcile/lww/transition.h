// What apply.cc, deletion_walk.cc and expire.cc share: how a row that goes from one state to another becomes a Change.
#pragma once

#include "base/arena.h"
#include "model/change.h"
#include "reconcile/lww/apply.h"

namespace braid::internal {

// The latest of the row's expiries that has come at `now`; RowState::expired_through's default if none has.
UnixSeconds ExpiredThrough(const RowState& row, UnixSeconds now);

// True if the row is taken to exist: one whose history is not known does, until a deletion covers it.
bool IsTakenToExist(const TableSchema& schema, const RowState& row, UnixSeconds now);

struct Transition {
  const TableSchema* schema = nullptr;
  Token token;
  ByteView partition_key;
  RowRef ref;
  const RowState* before = nullptr;  // never nullptr; a row not seen before is an empty state
  UnixSeconds now_before;
  UnixSeconds now_after;
  WriteTime order_time;  // what the clocks of row and header go by
};

// If the row exists before or after, makes `outcome` a kChange: fills the Change (but for cause, ts, origin, written
// and late), raises the revision of `outcome->state`, which must hold the new content, and the clocks of it and of the
// header. Else makes it kSilent. Sets the timers.
void Tell(const Transition& transition, PartitionHeader* header, RowOutcome* outcome, Arena* arena);

}  // namespace braid::internal
