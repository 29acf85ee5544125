// Where a walk over the state in pieces stands, as a key of a record: what a host keeps to go on in another process.
#pragma once

#include <optional>
#include <string>

#include "base/arena.h"
#include "base/result.h"
#include "reconcile/state.h"

namespace braid::internal {

// A walk's place, taken apart: a partition and the key from which its rows are to be looked at; none: from its
// beginning, the static row first.
struct WalkPlace {
  PartitionRef partition;
  std::optional<std::string> from;
};

// Of a key that KeyAt or KeyAfter gave, or of none (the beginning of the state). The partition's key lives in `arena`.
// kCorrupt: it is no such key.
Result<WalkPlace> PlaceOf(const std::string& key, Arena* arena);

// Keys sort as the walk goes: by table, token, partition key, then static row first, then by row key.
std::string KeyAt(const PartitionRef& partition, const std::optional<std::string>& from);
// Of the first partition that could come after this one.
std::string KeyAfter(const PartitionRef& partition);
// Of the row's own record.
std::string KeyOf(const PartitionRef& partition, const RowRef& row);

}  // namespace braid::internal
