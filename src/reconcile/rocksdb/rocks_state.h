// State that lasts, in RocksDB. Layout: docs/formats/state.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "reconcile/rocksdb/changelog.h"
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
    // False: Commit is lasting only once RocksDB has flushed, which closing does, for states that can be made again: a
    // process that is killed finds the state of some earlier commit, with the mark of that commit.
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

  // For hosts that keep a copy of the store elsewhere (docs/formats/changelog.md): gives what the next Commit changes,
  // each key once, in no order; not the mark. A table that is forgotten comes as its keys, one by one, however many.
  // What is pending stays. Errors: the visitor's, kIoError, kCorrupt.
  Status VisitPending(PendingVisitor* visitor);

  // Brings such a copy back: what OnPending was told, the last of a key last. Pending until Commit, which whoever
  // restores much calls now and then; the mark that is given there must say that the state is not whole yet. From the
  // first of these to the Commit after the last one it takes no reads and no other writes. Errors: kCorrupt (the key is
  // none of this shard's).
  Status Restore(ByteView key, std::optional<ByteView> value);

  Stats stats() const;

 private:
  struct Impl;
  explicit RocksState(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace braid
