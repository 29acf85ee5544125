// What a node's log says of a write that waits: whether the node has it, or something that supersedes it.
//
// Pure functions; results point into the arena and the arguments. All mutations of one call are writes (lww/write.h) of
// one partition of one table; the schema that counts is that of `write`, which must know every column of the others.
#pragma once

#include <optional>

#include "base/arena.h"
#include "base/result.h"
#include "model/mutation.h"

namespace braid::internal {

// True if a node that logged `logged`, and nothing else, has all of `write` or what supersedes it: applying `write`
// there changes nothing.
bool Covers(const Mutation& logged, const Mutation& write);

// Whether a write of `logged`'s kind can say anything of `write`: it is of the same row, or a deletion that may reach
// it.
bool Concerns(const Mutation& logged, const Mutation& write);

// The join of what a node was seen to log of `write` before (nullptr: nothing) and of `logged`, without what has no
// bearing on `write`: so it is never much larger than `write`. It is good for Covers and for this call again. nullopt
// if it says nothing of `write`. kUnsupported, kCorrupt: counters that cannot be merged.
Result<std::optional<Mutation>> JoinEvidence(const Mutation* seen, const Mutation& logged, const Mutation& write,
                                             Arena* arena);

}  // namespace braid::internal
