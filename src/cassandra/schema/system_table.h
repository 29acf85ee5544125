// One of Cassandra's own tables, put together from all its SSTables by Cassandra's rules: the last write wins.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cassandra/sstable/sstable.h"
#include "model/mutation.h"

namespace braid {

// A live row.
struct SystemRow {
  // The values of the partition key and the clustering columns, as bytes. (The keys of these tables have one column.)
  std::vector<std::string> key;
  std::map<std::string, std::string, std::less<>> values;
  // The time of the last write that the row shows: of its marker or a value.
  WriteTime newest;

  // The value of a column, or nullptr where it is unset.
  const std::string* Find(std::string_view column) const {
    const auto found = values.find(column);
    return found == values.end() ? nullptr : &found->second;
  }
};

// Reads whole SSTables into memory: for small tables. Columns with cells of their own elements are left out, and what
// was written to expire is taken to be alive: the schema has neither. Adding an SSTable twice says nothing new. Not
// thread-safe.
class SystemTable {
 public:
  // Adds what an SSTable says. Order does not matter. Errors: those of the scan.
  Status Add(Sstable* sstable);
  // Opens an SSTable and adds it.
  Status Add(const Descriptor& descriptor);
  // Adds all SSTables in force of a table's directory.
  Status AddDirectory(const std::string& directory);

  // The rows that are alive, by key. Error: kCorrupt for clustering values that do not parse.
  Result<std::vector<SystemRow>> LiveRows() const;

  // When the row with that key (of one clustering column) was last deleted, by itself or with its partition; none if no
  // tombstone says so, for one goes some time after what it deleted.
  WriteTime DeletedAt(std::string_view partition_key, std::string_view clustering) const;

 private:
  struct CellState {
    WriteTime at;
    CellKind kind = CellKind::kLive;
    UnixSeconds local_deletion;
    std::string value;
    auto operator<=>(const CellState&) const = default;
  };
  struct RowState {
    std::string clustering;
    WriteTime liveness;
    WriteTime deletion;
    std::map<std::string, CellState> cells;
  };
  struct Range {
    std::string start;
    std::string end;
    WriteTime at;
    bool operator==(const Range&) const = default;
  };
  struct Partition {
    WriteTime deletion;
    std::vector<Range> ranges;
    std::map<std::string, RowState> rows;
  };

  void Merge(const TableSchema& schema, const Mutation& piece);
  static bool MakeLive(const Partition& partition, const std::string& key, const RowState& row, SystemRow* live);

  std::map<std::string, Partition> partitions_;
};

}  // namespace braid
