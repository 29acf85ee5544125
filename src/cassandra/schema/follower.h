// The schema in data directories, followed while nodes change it.
//
// An SSTable never changes, and the last write to each part of a definition wins whichever file says so first: so each
// SSTable of the schema tables is read once, what it says is kept, and nothing that was seen can be unseen. A node that
// lags, one whose disk is away, and files that go in a compaction take nothing back.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "cassandra/schema/schema.h"
#include "cassandra/schema/schema_tables.h"
#include "cassandra/sstable/descriptor.h"

namespace braid {

// Not thread-safe.
class SchemaFollower {
 public:
  struct Look {
    // Something was read that was not known.
    bool grown = false;
    // False: files were still coming and going, or could not be read. What is known may be half of a change; look again
    // before it is used.
    bool settled = true;
    // What could not be read, with the file; it is tried again at the next look. A data directory that is not there at
    // all is kNotFound and leaves the rest settled.
    std::vector<Error> troubles;
  };

  // `data_directories` as for ReadSchema. `files` must outlive it.
  SchemaFollower(FileSystem* files, const std::vector<std::string>& data_directories);

  // Reads the SSTables that have come since the last look. Where nothing changed this costs seven stat calls for each
  // data directory.
  Look LookAgain();

  // Every data directory was read whole at least once: what is not known does not exist.
  bool complete() const;
  // Some SSTable was read.
  bool any() const { return any_; }

  // The schema as far as it is known. Error: kCorrupt.
  Result<ClusterSchema> Build(const SchemaIdFunction& id_of) const { return tables_.Build(id_of, {}); }

  // When a table or view of that name was last dropped, alone or with its keyspace, as far as is known: none if not, or
  // so long ago that Cassandra has forgotten it.
  WriteTime DroppedAt(std::string_view keyspace, std::string_view table) const {
    return tables_.DroppedAt(keyspace, table);
  }

 private:
  // What a directory looked like when it was last listed. Its time of change has the grain of a clock's tick, so that a
  // second change may hide behind a first: a few more lists follow each change.
  struct Stamp {
    uint64_t inode = 0;
    int64_t modified_us = 0;
    int lists_to_come = 0;
    uint64_t looks = 0;
  };
  struct Table {
    SystemTable* to = nullptr;
    Stamp stamp;
    std::set<Descriptor> read;
  };
  struct DataDirectory {
    std::string path;
    Stamp stamp;
    std::map<std::string, Table> tables;  // by path
    bool read_whole = false;
  };

  // True if there was anything new; troubles go to `look`.
  bool ScanData(DataDirectory* data, Look* look);
  Result<bool> ListTables(DataDirectory* data);
  Result<bool> ScanTable(const std::string& path, Table* table, Look* look);
  static bool MustList(const FileInfo& info, Stamp* stamp);

  FileSystem* files_;
  SchemaTables tables_;
  std::vector<DataDirectory> data_;
  bool any_ = false;
};

}  // namespace braid
