#include "cassandra/schema/schema_tables.h"

#include <algorithm>
#include <utility>

namespace braid {

SystemTable* SchemaTables::Find(std::string_view name) {
  const auto* const found = std::find(kSchemaTables.begin(), kSchemaTables.end(), name);
  return found == kSchemaTables.end() ? nullptr : &tables_[static_cast<size_t>(found - kSchemaTables.begin())];
}

Result<ClusterSchema> SchemaTables::Build(const SchemaIdFunction& id_of, std::vector<std::string> warnings) const {
  SchemaRows rows;
  // As kSchemaTables has them.
  std::vector<SystemRow>* const to[] = {&rows.keyspaces, &rows.tables, &rows.views,
                                        &rows.columns,   &rows.types,  &rows.dropped_columns};
  static_assert(std::size(to) == kSchemaTables.size());
  for (size_t i = 0; i < tables_.size(); ++i) {
    ASSIGN_OR_RETURN(*to[i], tables_[i].LiveRows());
  }
  return SchemaBuilder(id_of).Build(rows, std::move(warnings));
}

WriteTime SchemaTables::DroppedAt(std::string_view keyspace, std::string_view table) const {
  WriteTime dropped;
  for (size_t i = 0; i < tables_.size(); ++i) {
    if (kSchemaTables[i] != "tables" && kSchemaTables[i] != "views") continue;
    dropped = std::max(dropped, tables_[i].DeletedAt(keyspace, table));
  }
  return dropped;
}

}  // namespace braid
