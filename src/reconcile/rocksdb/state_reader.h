// Reads a state without changing it: for people, and to verify it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "model/row_state.h"
#include "reconcile/state.h"

namespace braid {

class StateReader {
 public:
  // Takes what is there, in the order of the store's keys: marks, then partition by partition its header, its rows and
  // its timers. What is passed lives during the call. An error ends the reading and comes out of it.
  class Visitor {
   public:
    virtual ~Visitor() = default;
    virtual Status OnMark(uint32_t shard, ByteView mark) = 0;
    // `header` is nullptr if the partition has none; `first_due`: when its first timer is.
    virtual Status OnPartition(uint32_t shard, const PartitionRef& partition, const PartitionHeader* header,
                               UnixSeconds first_due) = 0;
    virtual Status OnRow(const PartitionRef& partition, const RowRef& ref, const RowState& row) = 0;
    virtual Status OnTimer(const PartitionRef& partition, const RowRef& ref, UnixSeconds due) = 0;
  };

  // Opens a RocksState's directory without changing anything in it. Errors: kNotFound (there is no state), kTransient
  // (a process has it open, which the message names), kIoError, kCorrupt.
  static Result<std::unique_ptr<StateReader>> Open(const std::string& path);
  // The same of a state that a process may be working with: gives what it was at one of its commits, whatever is
  // committed since, and takes no lock. Holds its files open, and in memory what the process has not flushed (bounded
  // by that process's write buffers). Errors: as Open's; kTransient here: files came and went faster than they could be
  // opened.
  static Result<std::unique_ptr<StateReader>> OpenBeside(const std::string& path);
  ~StateReader();

  // The mark of the last commit; empty if there was none. kIoError, kCorrupt, with the path.
  Result<std::string> ReadMark(uint32_t shard);

  // Errors: the visitor's; kCorrupt, kUnsupported of a record, kIoError, with the path.
  Status Read(Visitor* visitor);

 private:
  struct Impl;
  explicit StateReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace braid
