// Images of one row, of different times and definitions, held against each other.
#pragma once

#include <vector>

#include "model/change.h"

namespace braid {

struct SeenImage {
  const TableSchema* schema = nullptr;
  const Image* image = nullptr;
};

// The columns, of those that `now`'s definition has, in which the two images of one row are not the same, or of which
// only one has been known. `then` is seen through `now`'s definition: a column added since was null. Left out is what
// cannot be compared: columns dropped in between (also if they were added again: of what was written before, nothing
// may be left), and such whose type is another. The same for what `newest` says was dropped; nullptr: nothing.
std::vector<ColumnId> DifferentColumns(const SeenImage& then, const SeenImage& now, RowKind row,
                                       const TableSchema* newest);

}  // namespace braid
