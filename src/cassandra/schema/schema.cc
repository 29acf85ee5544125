#include "cassandra/schema/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "cassandra/schema/schema_tables.h"
#include "cassandra/schema/system_table.h"
#include "cassandra/schema/values.h"
#include "cassandra/sstable/directory.h"

namespace braid {
namespace {

// The directories of a table of `keyspace` in all data directories: `found` counts what each data directory has.
Result<std::vector<std::string>> FindDirectories(const std::vector<std::string>& data_directories,
                                                 std::string_view keyspace, std::string_view table) {
  std::vector<std::string> paths;
  for (const std::string& data : data_directories) {
    const Result<std::vector<TableDirectory>> tables = ListTableDirectories(fmt::format("{}/{}", data, keyspace));
    if (!tables.has_value() && tables.error().code == ErrorCode::kNotFound) continue;
    TRY(tables);
    for (const TableDirectory& directory : *tables) {
      if (directory.table == table) paths.push_back(directory.path);
    }
  }
  return paths;
}

Status AddTable(const std::vector<std::string>& data_directories, std::string_view keyspace, std::string_view table,
                SystemTable* to) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, FindDirectories(data_directories, keyspace, table));
  for (const std::string& path : paths) TRY(to->AddDirectory(path));
  return {};
}

// Sees that each directory has a schema; gives a line for each that has not, as one of several disks need not.
Result<std::vector<std::string>> CheckDirectories(const std::vector<std::string>& data_directories) {
  std::vector<std::string> warnings;
  for (const std::string& data : data_directories) {
    TRY(ListTableDirectories(data));  // that it is there at all
    ASSIGN_OR_RETURN(const std::vector<std::string> paths, FindDirectories({data}, kSchemaKeyspace, "tables"));
    size_t sstables = 0;
    for (const std::string& path : paths) {
      ASSIGN_OR_RETURN(const std::vector<Descriptor> found, ListSstables(path));
      sstables += found.size();
    }
    if (sstables == 0) warnings.push_back(fmt::format("{}: has no schema (system_schema/tables-*/*-Data.db)", data));
  }
  if (warnings.size() == data_directories.size()) {
    const std::string where = data_directories.empty() ? "no data directory was given" : warnings.front();
    return NotFound(where +
                    "; name a node's data directory as Cassandra left it (a node that was just started may hold its "
                    "schema in the commit log alone: run `nodetool flush system_schema` on it)");
  }
  return warnings;
}

}  // namespace

const TableInfo* ClusterSchema::Find(const TableId& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tables_[found->second];
}

const TableInfo* ClusterSchema::Find(std::string_view keyspace, std::string_view table) const {
  const auto found = std::lower_bound(
      tables_.begin(), tables_.end(), std::tie(keyspace, table), [](const TableInfo& info, const auto& name) {
        return std::tuple<std::string_view, std::string_view>(info.keyspace, info.table) < name;
      });
  return found != tables_.end() && found->keyspace == keyspace && found->table == table ? &*found : nullptr;
}

const TableSchema* ClusterSchema::FindTable(const TableId& id) const {
  const TableInfo* info = Find(id);
  return info == nullptr ? nullptr : info->schema.get();
}

std::vector<TableSchemaPtr> ClusterSchema::CdcTables() const {
  std::vector<TableSchemaPtr> captured;
  for (const TableInfo& info : tables_) {
    if (info.schema != nullptr && info.schema->cdc) captured.push_back(info.schema);
  }
  return captured;
}

Result<ClusterSchema> ReadSchema(const std::vector<std::string>& data_directories, const SchemaIdFunction& id_of) {
  ASSIGN_OR_RETURN(std::vector<std::string> warnings, CheckDirectories(data_directories));
  SchemaTables tables;
  for (const std::string_view name : kSchemaTables) {
    TRY(AddTable(data_directories, kSchemaKeyspace, name, tables.Find(name)));
  }
  return tables.Build(id_of, std::move(warnings));
}

Result<std::optional<std::array<uint8_t, 16>>> ReadHostId(const std::vector<std::string>& data_directories) {
  SystemTable local;
  TRY(AddTable(data_directories, "system", "local", &local));
  ASSIGN_OR_RETURN(const std::vector<SystemRow> rows, local.LiveRows());
  for (const SystemRow& row : rows) {
    if (row.key[0] == "local") return ReadUuid(row.Find("host_id"));
  }
  return std::optional<std::array<uint8_t, 16>>();
}

}  // namespace braid
