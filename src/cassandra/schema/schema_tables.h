// The tables of system_schema that matter, put together from any number of SSTables.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cassandra/schema/builder.h"
#include "cassandra/schema/schema.h"
#include "cassandra/schema/system_table.h"

namespace braid {

inline constexpr std::string_view kSchemaKeyspace = "system_schema";
inline constexpr std::array<std::string_view, 6> kSchemaTables = {"keyspaces", "tables", "views",
                                                                  "columns",   "types",  "dropped_columns"};

// Not thread-safe.
class SchemaTables {
 public:
  // The table of that name, or nullptr if it is none of kSchemaTables.
  SystemTable* Find(std::string_view name);

  // The schema that they make. Error: kCorrupt for keys that do not parse.
  Result<ClusterSchema> Build(const SchemaIdFunction& id_of, std::vector<std::string> warnings) const;

  // When a table or view of that name was last dropped, alone or with its keyspace; none if no tombstone says so.
  WriteTime DroppedAt(std::string_view keyspace, std::string_view table) const;

 private:
  std::array<SystemTable, kSchemaTables.size()> tables_;
};

}  // namespace braid
