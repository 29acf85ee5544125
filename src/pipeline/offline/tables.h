// Which tables a command is about, and how they are defined.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cassandra/schema/schema.h"
#include "model/schema.h"
#include "pipeline/offline/node_home.h"

namespace braid {

// What to do at bytes that cannot be read.
enum class OnCorruption { kStop, kSkip };

// The schema of all nodes together, and which of its tables a command is about.
struct LoadedSchema {
  ClusterSchema cluster;
  std::vector<TableSchemaPtr> tables;  // by name
};

enum class TableKinds { kCaptured, kAll };

// Reads the nodes' schema files and picks `tables` (keyspace.table), or every captured table if none is named. A named
// table that is unknown or not readable, or not captured unless `named` is kAll, is an error that says so; with none
// named, captured tables that cannot be read are told in `cluster.warnings()`.
Result<LoadedSchema> LoadSchema(const std::vector<NodeHome>& homes, const std::vector<std::string>& tables,
                                TableKinds named);

}  // namespace braid
