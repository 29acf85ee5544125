// Columns by the names that a configuration gives them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/schema.h"

namespace braid::shape {

// A table in two of its definitions: the one that a shape is made for, and the newest, by which the configuration's
// words are judged. Both may be the same.
struct Table {
  const TableSchema& schema;
  const TableSchema& newest;
};

// A column as a name finds it.
struct NamedColumn {
  // Where the column's type and kind are: in the definition at hand if it is a column of it today, else in the newest.
  const Column* column = nullptr;
  bool present = false;  // in the definition at hand
};

// The column that CQL calls `name`, case kept. kInvalidArgument if neither definition has ever had it: says what
// columns there are.
Result<NamedColumn> FindColumn(const Table& table, const std::string& name);

// The column that a configuration names as CQL does: "Quoted" keeps its case, anything else is in lower case.
Result<NamedColumn> FindColumnAsCql(const Table& table, std::string_view text);

inline bool IsKey(const Column& column) {
  return column.kind == ColumnKind::kPartitionKey || column.kind == ColumnKind::kClustering;
}

}  // namespace braid::shape
