// All writes of all logs, put in the order in which a replay applies them, with the copies of each write joined.
//
// Sorting is what makes a replay exact: every write of a partition is applied in its time's order, with all that any
// replica knew of it, so that nothing is overtaken unseen. Bounded: what does not fit in memory is spilled.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "codec/schema.h"
#include "model/mutation.h"
#include "pipeline/spill/sorter.h"

namespace braid {

// Takes writes in any order. Not thread-safe.
class WriteLog {
 public:
  // Writes leave by table, in the order of `tables`, which must outlive the log; then by token, partition key and time.
  WriteLog(std::vector<const TableSchema*> tables, const Sorter::Options& options);

  // Takes one replica's mutation of table number `table`, cut into writes. Copies what it needs.
  Status Add(uint32_t table, const Mutation& mutation);

  // Writes taken so far, copies counted.
  uint64_t writes() const { return writes_; }

  // The writes in order. Next() gives the next joined write, or nullptr at the end; it lives until the next call.
  class Reader {
   public:
    Reader(std::unique_ptr<SortedRecords> sorted, const SchemaLookup& schemas, UnixSeconds now)
        : sorted_(std::move(sorted)), schemas_(schemas), now_(now) {}

    Result<const Mutation*> Next();
    // The number of the table of the write that Next() gave.
    uint32_t table() const { return table_; }
    // True if that write is of another partition (or table) than the one before it.
    bool new_partition() const { return new_partition_; }
    // Copies that were joined into another so far.
    uint64_t copies() const { return copies_; }

   private:
    Status NextRecord();
    Status JoinGroup();
    Status TakeRecord(ByteView value);
    // Makes joined_ of group_, once.
    Status JoinTaken();
    // Takes out of joined_ what belongs to `marker`'s write.
    void Absorb(const Mutation& marker);
    Status PackGroup();

    std::unique_ptr<SortedRecords> sorted_;
    bool started_ = false;
    bool at_end_ = false;
    const SchemaLookup& schemas_;
    const UnixSeconds now_;
    std::string group_key_;
    std::string last_content_;
    std::string partition_;
    Arena arena_;
    std::vector<Mutation> group_;  // the copies of one write, that differ
    Mutation joined_;
    bool has_joined_ = false;
    bool absorbed_ = false;
    uint32_t table_ = 0;
    bool new_partition_ = false;
    uint64_t copies_ = 0;
  };

  // Ends the taking. `schemas` must know the definitions of `tables`; `now` is the machine's time (see JoinCopies). The
  // log must outlive the reader.
  Result<std::unique_ptr<Reader>> Finish(const SchemaLookup& schemas, UnixSeconds now);

 private:
  Status AddWrite(uint32_t table, const Mutation& write);
  // Marks where fragments of the write would stand that do not stand with it.
  Status AddMarkers(uint32_t table, const Mutation& write);
  Status AddRecord(uint32_t table, const Mutation& placed, bool is_marker, const Mutation& record);

  std::vector<const TableSchema*> tables_;
  Sorter sorter_;
  Arena arena_;
  std::vector<Mutation> cut_;
  std::string key_;
  std::string value_;
  uint64_t writes_ = 0;
};

}  // namespace braid
