// A partition's key, as users write it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/schema.h"

namespace braid {

// The raw partition key that `text` says: the literals of its columns as CQL has them, in order, with commas between,
// such as `842` or `'abc', 7`. kInvalidArgument says what is wrong with it, and what to write; so for a column of a
// type that has no literals here (collections, tuples, UDTs, durations, custom types).
Result<std::string> ParsePartitionKey(const TableSchema& schema, std::string_view text);

}  // namespace braid
