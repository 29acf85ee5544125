// What a table holds, by definition: from everything that was ever written to it, at once. It shares no code with
// reconcile/lww and is as naive as can be.
#pragma once

#include <map>
#include <span>
#include <string>

#include "model/mutation.h"

namespace braid::sim {

// The rows that exist at `now` after `mutations`, in any order: "7/1" or "7/static" to the text of the image.
std::map<std::string, std::string> RowsAfter(const TableSchema& schema, std::span<const Mutation> mutations,
                                             UnixSeconds now);

}  // namespace braid::sim
