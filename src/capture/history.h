// Whether a table's whole history can still be read on a node, at the first start of a pipeline.
#pragma once

#include "base/file_system.h"
#include "base/result.h"
#include "capture/node_capture.h"
#include "model/schema.h"

namespace braid {

// True if everything that the node ever wrote of the table is in segments that capture will read. Two facts together
// say so:
//
// - The table was never flushed: no data directory has a file of an SSTable of it. What was not flushed is in segments
//   that Cassandra keeps in its commitlog directory, since it may need them after a crash.
// - Every segment in the commitlog directory is in cdc_raw too (linked there when it was made), so that capture reads
//   it, also what was written while the table was not captured.
//
// The answer holds for the moment of the call: ask before anything of cdc_raw is removed, and of every node. It does
// not know of keyspaces with durable_writes = false (SchemaRegistry does), nor of SSTables that were compacted to
// nothing: what those held is dead. False wherever it cannot be told, as without a commitlog directory. Errors:
// kNotFound, kIoError (a directory of the node).
Result<bool> WholeHistoryIsLogged(FileSystem* files, const NodeFiles& node, const TableSchema& table);

}  // namespace braid
