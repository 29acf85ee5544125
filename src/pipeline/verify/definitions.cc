#include "pipeline/verify/definitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/file_system.h"
#include "capture/schema_log.h"
#include "pipeline/run/node_table.h"

namespace braid {

Result<Definitions> Definitions::Read(const std::string& state, const std::vector<std::string>& tables) {
  Definitions definitions;
  ASSIGN_OR_RETURN(const auto records, SchemaLog::Read(PosixFileSystem(), SchemaLogPath(state)));
  std::set<std::string> names;
  for (const SchemaRecord& record : records) {
    if (record.kind != SchemaRecord::Kind::kDefinition) continue;
    definitions.all_.Add(record.schema);
    definitions.newest_[record.table] = record.schema;
    names.insert(record.schema->FullName());
  }
  for (const std::string& table : tables) {
    if (!names.contains(table)) {
      return NotFound(fmt::format("{} knows of no table {}; it has {}", SchemaLogPath(state), table,
                                  names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
    }
    definitions.wanted_.insert(table);
  }
  return definitions;
}

bool Definitions::Wants(const TableId& table) const {
  if (wanted_.empty()) return true;
  const TableSchema* newest = Newest(table);
  return newest != nullptr && Wants(*newest);
}

const TableSchema* Definitions::Newest(const TableId& table) const {
  const auto found = newest_.find(table);
  return found == newest_.end() ? nullptr : found->second.get();
}

void Definitions::Note(const TableSchema& schema) {
  if (all_.Find(schema.id) == nullptr) all_.Add(std::make_shared<const TableSchema>(schema));
}

}  // namespace braid
