// State that lasts, in RocksDB. Layout: docs/formats/state.md.
//
// What is written is seen at once by reads, but becomes durable, all together, only by Commit: so that a host can put
// its positions and the state that they stand for into one step. What was not committed is gone after a crash.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "reconcile/state.h"

namespace braid {

class RocksState : public State {
 public:
  struct Options {
    std::string path;
    uint32_t shard = 0;
    // For RocksDB's block cache and write buffers, and for the cache of records: together.
    uint64_t memory_bytes = uint64_t{256} << 20;
    // Whether Commit waits for the disk. False: a crash of the machine (not of the process) may lose the last ones.
    bool sync = true;
    // False: Commit is lasting only once RocksDB has flushed, for states that can be made again.
    bool write_ahead_log = true;
  };

  // Opens or makes the store; it then belongs to this process. Errors: kIoError, kCorrupt, with the path.
  static Result<std::unique_ptr<RocksState>> Open(const Options& options);
  ~RocksState() override;

  Result<const PartitionHeader*> ReadHeader(const PartitionRef& partition, Arena* arena) override;
  Result<const RowState*> ReadRow(const PartitionRef& partition, const RowRef& row, Arena* arena) override;
  Status ReadRows(const PartitionRef& partition, const KeyRange& range, size_t max_rows, Arena* arena,
                  std::vector<RowEntry>* rows) override;
  Status Write(const StateDelta& delta) override;
  Result<std::optional<DueRow>> NextDue(const PartitionRef& partition, UnixSeconds now, Arena* arena) override;
  Result<std::optional<DueRow>> NextDueOfAll(UnixSeconds now, Arena* arena) override;
  Status ForgetPartition(const PartitionRef& partition) override;

  // Makes everything written since the last Commit durable at once, and with it `mark`: what the host must find again
  // (positions, the timeline's end).
  Status Commit(ByteView mark);
  // The mark of the last Commit, empty if there was none.
  Result<std::string> ReadMark();
  // Takes back everything since the last Commit.
  Status Rollback();
  // Bytes that the next Commit will write: hosts bound it.
  size_t pending_bytes() const;

 private:
  struct Impl;
  explicit RocksState(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace braid
