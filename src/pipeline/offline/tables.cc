#include "pipeline/offline/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "codec/schema.h"

namespace braid {
namespace {

// Picks a table that the user named.
Result<TableSchemaPtr> PickTable(const ClusterSchema& schema, const std::string& name, TableKinds kinds) {
  const size_t dot = name.find('.');
  const TableInfo* info = schema.Find(name.substr(0, dot), name.substr(dot + 1));
  if (info == nullptr) {
    return NotFound(
        fmt::format("no schema file of these nodes defines the table {}; names are as CQL stores them, "
                    "upper case kept only within quotes",
                    name));
  }
  if (info->schema == nullptr) return Unsupported(fmt::format("{}: {}", name, info->unreadable));
  if (kinds == TableKinds::kCaptured && !info->schema->cdc) {
    return NotFound(
        fmt::format("{0} is not captured: its nodes' logs are not kept. Turn it on with ALTER TABLE "
                    "{0} WITH cdc = true",
                    name));
  }
  return info->schema;
}

}  // namespace

Result<LoadedSchema> LoadSchema(const std::vector<NodeHome>& homes, const std::vector<std::string>& tables,
                                TableKinds named) {
  std::vector<std::string> directories;
  directories.reserve(homes.size());
  for (const NodeHome& home : homes) directories.push_back(home.data_directory());
  LoadedSchema loaded;
  ASSIGN_OR_RETURN(loaded.cluster, ReadSchema(directories, ComputeSchemaId));
  for (const std::string& name : tables) {
    ASSIGN_OR_RETURN(TableSchemaPtr table, PickTable(loaded.cluster, name, named));
    loaded.tables.push_back(std::move(table));
  }
  if (tables.empty()) loaded.tables = loaded.cluster.CdcTables();
  if (loaded.tables.empty()) {
    return NotFound("no table of these nodes' schema is captured; turn it on with ALTER TABLE ... WITH cdc = true");
  }
  std::sort(loaded.tables.begin(), loaded.tables.end(),
            [](const auto& a, const auto& b) { return a->FullName() < b->FullName(); });
  const auto same = [](const auto& a, const auto& b) { return a == b; };
  loaded.tables.erase(std::unique(loaded.tables.begin(), loaded.tables.end(), same), loaded.tables.end());
  return loaded;
}

}  // namespace braid
