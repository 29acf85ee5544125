// Sorts records (key, value) of any number within a given memory.
//
//   Sorter sorter({.memory_bytes = 256 << 20, .directory = "/var/tmp"});
//   TRY(sorter.Add(key, value)); …
//   ASSIGN_OR_RETURN(const auto records, sorter.Finish());
//   for (;;) { ASSIGN_OR_RETURN(const bool more, records->Next()); if (!more) break; Use(records->key(),
//   records->value()); }
//
// Keys come in the order of their unsigned bytes, values of equal keys too; equal records all come. So the output is a
// function of the set of records, not of the order of Add. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "pipeline/spill/run_file.h"

namespace braid {

// The records in order.
class SortedRecords {
 public:
  virtual ~SortedRecords() = default;

  // To the next record, the first one at first; false at the end. Errors: kIoError, kCorrupt (the temporary file was
  // damaged).
  virtual Result<bool> Next() = 0;

  // Of the current record; they live until Next().
  ByteView key() const { return record_.key; }
  ByteView value() const { return record_.value; }

 protected:
  spill::Record record_;
};

class Sorter {
 public:
  struct Options {
    // For everything that the sort holds: records, index and buffers. At least kLeastMemory is used, and reading back
    // from disk takes at least twice the largest record.
    size_t memory_bytes = size_t{256} << 20;
    // Where a temporary file goes if the records exceed the memory. Not touched if they do not.
    std::string directory;
  };
  struct Stats {
    uint64_t records = 0;
    uint64_t runs = 0;           // sorted pieces that went to disk
    uint64_t passes = 0;         // times that all of the disk's records were merged before the last merge
    uint64_t written_bytes = 0;  // to disk
  };
  static constexpr size_t kLeastMemory = 64 * 1024;

  explicit Sorter(Options options);

  // Takes a copy. Errors: kInvalidArgument if the record alone exceeds the memory; kIoError, naming the directory and
  // what to do, if the memory was full and the disk refused. After an error nothing more may be added.
  Status Add(ByteView key, ByteView value);

  // Ends the adding; called once. The records own their memory and the file: the sorter may go. Errors: kIoError.
  Result<std::unique_ptr<SortedRecords>> Finish();

  const Stats& stats() const { return stats_; }

 private:
  // Where a record is; sorts mostly by itself.
  struct Entry {
    uint64_t prefix;
    uint64_t offset;
  };
  friend class MemoryRecords;

  bool Fits(size_t record_bytes) const;
  void SortEntries();
  Status Spill();
  // Merges runs until one merge can take them all within the memory.
  Status ReduceRuns();
  size_t MaxRunsAtOnce() const;

  Options options_;
  size_t block_bytes_;
  size_t capacity_;  // of memory_
  // Records from the front, entries from the back; it is full when they would meet.
  std::unique_ptr<char[]> memory_;
  size_t record_bytes_ = 0;
  size_t entries_ = 0;

  std::unique_ptr<spill::RunFile> file_;
  std::vector<spill::Run> runs_;
  size_t largest_block_bytes_ = 0;
  Stats stats_;
};

}  // namespace braid
