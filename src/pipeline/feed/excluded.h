// Which columns of a table never leave the decoder.
#pragma once

#include <string>
#include <vector>

#include "model/schema.h"

namespace braid {

// The ids of the columns that `exclude` ("keyspace.table.column") names of this table.
std::vector<ColumnId> ExcludedColumns(const TableSchema& schema, const std::vector<std::string>& exclude);

}  // namespace braid
