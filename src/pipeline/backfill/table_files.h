// Where the SSTables of a table are at a node.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/schema.h"
#include "pipeline/offline/node_home.h"

namespace braid {

// Which of a table's files are to be read.
struct FileChoice {
  // Of this snapshot (nodetool snapshot -t TAG) rather than those in force now; empty: those in force.
  std::string snapshot;
  // The incremental backups besides.
  bool backups = false;
};

// The directories of a table at one node that are to be read; none if the node has none, or none of that snapshot.
// Errors: kIoError.
Result<std::vector<std::string>> FindTableDirectories(const NodeHome& home, const TableSchema& table,
                                                      const FileChoice& choice);

}  // namespace braid
