// A state that lasts, in memory: what was committed outlives it in a Disk, as bytes, and nothing else does.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/commit.h"
#include "reconcile/memory/memory_state.h"
#include "reconcile/state.h"

namespace braid::testing {

class MemoryDurableState : public DurableState {
 public:
  // What survives a crash. Belongs to the test.
  struct Disk {
    std::map<std::string, std::string> records;
    std::string mark;
  };

  // Goes on from what `disk` holds, which must outlive it. `shard` is part of the records' keys.
  static Result<std::unique_ptr<MemoryDurableState>> Open(Disk* disk, uint32_t shard);

  // The next Commit fails with `code`; if `durable`, what it should have made durable is so all the same.
  void FailNextCommit(ErrorCode code, bool durable) { failure_ = Failure{code, durable}; }

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
  Result<std::string> ReadMark() override { return disk_->mark; }
  Status Rollback() override;
  size_t pending_bytes() const override { return pending_bytes_; }

 private:
  struct Failure {
    ErrorCode code;
    bool durable;
  };
  // Either records, or the beginning of the keys of those that go.
  struct Step {
    std::vector<StateWrite> writes;
    std::string forgotten;
  };

  MemoryDurableState(Disk* disk, uint32_t shard) : disk_(disk), shard_(shard) {}
  Status Load();
  void Forget(std::string prefix);
  void MakeDurable(ByteView mark);

  Disk* const disk_;
  const uint32_t shard_;
  MemoryState memory_;
  std::vector<Step> pending_;
  size_t pending_bytes_ = 0;
  std::optional<Failure> failure_;
};

}  // namespace braid::testing
