// What all replicas together hold, from mutations as toy_mutation.h reads them: snapshots for tests.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/arena.h"
#include "model/mutation.h"

namespace braid::testing {

struct ToyPiece {
  Mutation mutation;
  bool first = true;
  bool last = true;
};

// The join of `mutations`, all of one table: pieces as Reconciler::TakeSnapshotPiece takes them, in order.
// `rows_of_piece` is asked for each how many rows it may have, at least 1. With `purged` no tombstone and no deletion
// is left, and nothing that has run out by `now`, as after a compaction when gc_grace is over. Lives in `arena`.
std::vector<ToyPiece> SnapshotOf(std::span<const Mutation> mutations, const std::function<size_t()>& rows_of_piece,
                                 bool purged, UnixSeconds now, Arena* arena);

}  // namespace braid::testing
