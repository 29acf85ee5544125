// The state of one partition at a time: in memory, and on disk once the partition is too wide for that.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reconcile/memory/memory_state.h"
#include "reconcile/rocksdb/rocks_state.h"
#include "reconcile/state.h"

namespace braid {

// A replay goes partition by partition and forgets each: so this state may hold one partition only, which is what
// ForgetPartition must be called for before the next. Nothing in it lasts.
class SpillingState : public State {
 public:
  struct Options {
    // Bytes that a partition may take in memory; as many again go to RocksDB's caches once it is on disk.
    size_t memory_bytes = size_t{64} << 20;
    // Where the store is made, if it is needed: a directory that exists, on a disk with room.
    std::string directory;
  };

  explicit SpillingState(Options options) : options_(std::move(options)) {}

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

  // Partitions that went to disk so far.
  uint64_t spilled_partitions() const { return spilled_partitions_; }

 private:
  State& current() { return on_disk_ ? static_cast<State&>(*disk_) : memory_; }
  // Moves the partition from memory to disk.
  Status Spill(const PartitionRef& partition);

  const Options options_;
  MemoryState memory_;
  std::unique_ptr<RocksState> disk_;  // made when first needed
  bool on_disk_ = false;
  uint64_t spilled_partitions_ = 0;
};

}  // namespace braid
