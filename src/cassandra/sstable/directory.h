// Which SSTables of a node's data directory count.
// Learned from org.apache.cassandra.db.Directories and db.lifecycle.{LogAwareFileLister,LogFile,LogRecord}.
#pragma once

#include <compare>
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
// transaction (compaction, flush, streaming) was adding, what a finished one has replaced, temporary files, what is not
// read (Filter.db, SAI's components of each column), and everything in sub-directories (snapshots, backups, secondary
// indexes). Errors: kNotFound (no such directory); kUnsupported (an SSTable of a version that Braid does not read);
// kCorrupt (a needed component is missing, or a transaction log contradicts itself or the files: copied from a live
// node file by file); kIoError.
Result<std::vector<Descriptor>> ListSstables(const std::string& table_directory);

// What is in force, whole or not.
struct SstableListing {
  struct Incomplete {
    Descriptor descriptor;
    std::string missing;  // "Data.db"
    bool operator==(const Incomplete&) const = default;
  };
  std::vector<Descriptor> whole;  // by directory and name
  std::vector<Incomplete> incomplete;
  bool operator==(const SstableListing&) const = default;
};

// The same of all directories that a table has on one node: a transaction over several of them is finished in all if
// one of its logs says so. Errors: those of ListSstables, but that incomplete SSTables are told, not an error;
// kNotFound also if a transaction log vanishes meanwhile.
Result<SstableListing> ListSstables(const std::vector<std::string>& table_directories);

// Says that the SSTable lacks the component, and what to do.
Error MissingComponent(const SstableListing::Incomplete& sstable);

}  // namespace braid
