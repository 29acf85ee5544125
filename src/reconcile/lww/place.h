// Where rows are within a partition.
#pragma once

#include "base/bytes.h"

namespace braid {

// Names a row within a partition. The static row has an empty key and is no part of ranges.
struct RowRef {
  bool is_static = false;
  ByteView key;

  bool operator==(const RowRef&) const = default;
};

// Row keys k with from <= k, and k < to unless `unbounded`.
struct KeyRange {
  ByteView from;
  ByteView to;
  bool unbounded = false;
};

}  // namespace braid
