// Which SSTables of a node's data directory count.
// Learned from org.apache.cassandra.db.Directories and db.lifecycle.{LogAwareFileLister,LogFile,LogRecord}.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cassandra/sstable/descriptor.h"
#include "model/schema.h"

namespace braid {

// A table's directory: `titles-5a1c395eb41f11e59f22ba0be0483c18`.
struct TableDirectory {
  std::string path;
  std::string table;
  TableId id;
};

// The directories of the tables under `keyspace_directory`, by name; entries of other forms are passed over. Tables
// that were dropped since may still have theirs. Errors: kNotFound if there is no such directory; kIoError.
Result<std::vector<TableDirectory>> ListTableDirectories(const std::string& keyspace_directory);

// The SSTables that are in force in a table's directory, by name. Left out are: what an unfinished or aborted
// transaction (compaction, flush, streaming) was adding, what a finished one has replaced, temporary files, and
// everything in sub-directories (snapshots, backups, secondary indexes). Errors: kNotFound (no such directory);
// kUnsupported (an SSTable of a version that Braid does not read); kCorrupt (a needed component is missing, or a
// transaction log contradicts itself or the files: copied from a live node file by file); kIoError.
Result<std::vector<Descriptor>> ListSstables(const std::string& table_directory);

}  // namespace braid
