// TRUNCATE, as a node notes it: in its own system.local, which is logged like any table. It is no mutation of the table
// that was truncated.
//
// Learned from org.apache.cassandra.db.SystemKeyspace.saveTruncationRecord and db.ColumnFamilyStore.truncateBlocking.
// Facts: docs/formats/truncation.md.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "capture/node_capture.h"
#include "model/mutation.h"
#include "model/position.h"

namespace braid {

// The id of system.local, the same on every node of every version.
const TableId& SystemLocalId();

// The truncations that a logged mutation of system.local tells of: none if it is about anything else, as most are. Owns
// what it gives. Pure. Error: kCorrupt (not a record of Cassandra 4.0 to 5.0).
Result<std::vector<Truncation>> ReadTruncations(const Mutation& of_system_local, const Position& seen_at);

// The last truncation of each table that still exists, from the node's SSTables of system.local, which each TRUNCATE
// flushes: for those whose log entries went before they were read. `seen_at` is that of no place. Errors: those of an
// SSTable's scan; kNotFound if a file goes meanwhile: try again.
Result<std::vector<Truncation>> ReadTruncationsOnDisk(const std::vector<std::string>& data_directories, NodeIndex node);

}  // namespace braid
