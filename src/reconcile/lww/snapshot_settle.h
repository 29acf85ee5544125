// Of snapshot.cc: which parts of a row's state a whole snapshot contradicts.
#pragma once

#include "base/arena.h"
#include "reconcile/lww/merge.h"

namespace braid::internal {

// What is to be merged so that just what `found` shows is to be seen, and what of `state` is dead anyway stays to hide
// older copies.
struct Settlement {
  RowContent state;
  RowContent found;
  bool contradicts = false;
};

// `found` is the snapshot's row without what `outer`, the deletion around the row, covers. Parts of `state` that are
// alive at `now` and that neither `found` nor anything stronger in it has are replaced by tombstones of their own time;
// parts of `state` that would hide what is alive in `found` are left out. Counters merge shard by shard, whoever has
// more of them; one that `found` lacks goes without a tombstone, since that would hide all increments to come.
Settlement Settle(const TableSchema& schema, const Deletion& outer, const RowContent& state, const RowContent& found,
                  UnixSeconds now, Arena* arena);

}  // namespace braid::internal
