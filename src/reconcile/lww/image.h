// Images: a row's state as a reader sees it at one second.
#pragma once

#include <span>

#include "base/arena.h"
#include "model/change.h"
#include "model/row_state.h"
#include "model/schema.h"

namespace braid {

// True if the row exists at `now`, as SELECT decides: its marker or a cell is live. Cells of columns that the schema
// says were dropped do not count; those of columns that it does not know yet do. Of a row whose state is not complete
// it says only what is known.
bool ExistsAt(const TableSchema& schema, const RowState& row, UnixSeconds now);

// The row's image at `now` by `schema`: all its regular (or static) columns in schema order but those of `unknown`
// (by id). Cells of a multi-cell column are put together in the column's frozen form, elements in CQL's order; without
// any live cell it is null. A counter is its total. Values point into the row's state or into the arena.
const Image* ImageAt(const TableSchema& schema, RowKind kind, const RowState& row, std::span<const ColumnId> unknown,
                     UnixSeconds now, Arena* arena);

// The columns of `kind`, without order of their own.
inline const std::vector<ColumnId>& ColumnsOf(const TableSchema& schema, RowKind kind) {
  return kind == RowKind::kStatic ? schema.statics : schema.regulars;
}

}  // namespace braid
