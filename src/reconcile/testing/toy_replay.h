// What a replay does with all mutations of a small test: cuts, sorts and joins them, then applies each write once.
#pragma once

#include <span>
#include <vector>

#include "reconcile/reconciler.h"

namespace braid::testing {

// The writes of `mutations`, partition by partition (by token and key) in order, copies joined, and deletions that came
// apart from their write left to it. Lives in `arena`.
Result<std::vector<Mutation>> WritesInOrder(std::span<const Mutation> mutations, Arena* arena);

}  // namespace braid::testing
