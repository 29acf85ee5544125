#include "pipeline/feed/excluded.h"

#include <algorithm>

namespace braid {

std::vector<ColumnId> ExcludedColumns(const TableSchema& schema, const std::vector<std::string>& exclude) {
  std::vector<ColumnId> columns;
  for (const Column& column : schema.columns) {
    const std::string name = schema.FullName() + "." + column.name;
    if (std::ranges::find(exclude, name) != exclude.end()) columns.push_back(column.id);
  }
  return columns;
}

}  // namespace braid
