// State that lasts, in RocksDB. Layout: docs/formats/state.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "reconcile/state.h"

namespace rocksdb {
class Env;
}

namespace braid {

class RocksState : public DurableState {
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
    // The files' environment; nullptr: the operating system's. For tests; must outlive the state.
    rocksdb::Env* env = nullptr;
  };

  struct Stats {
    uint64_t reads = 0;       // of records
    uint64_t cache_hits = 0;  // among those: without asking RocksDB
    uint64_t disk_bytes = 0;  // files, and what has yet to be written to some (it is in the log), about
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
  Status ForgetTable(const TableId& table) override;
  Status ListPartitions(const PartitionRef& from, size_t max, Arena* arena,
                        std::vector<PartitionRef>* partitions) override;

  Status Commit(ByteView mark) override;
  Result<std::string> ReadMark() override;
  Status Rollback() override;
  size_t pending_bytes() const override;

  Stats stats() const;

 private:
  struct Impl;
  explicit RocksState(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace braid
