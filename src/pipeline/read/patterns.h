// Within pipeline/read.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "shape/shape.h"

namespace braid {

// Whether one of a stream's patterns fits the table, "keyspace.table".
inline bool FitsAny(const std::vector<std::string>& patterns, const std::string& table) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) { return FitsPattern(pattern, table); });
}

}  // namespace braid
