// State in memory: rows decoded, ready to read. For replay, which forgets each partition when it is done, and for
// tests.
#pragma once

#include <memory>

#include "reconcile/state.h"

namespace braid {

class MemoryState : public State {
 public:
  MemoryState();
  ~MemoryState() override;

  Result<const PartitionHeader*> ReadHeader(const PartitionRef& partition, Arena* arena) override;
  Result<const RowState*> ReadRow(const PartitionRef& partition, const RowRef& row, Arena* arena) override;
  Status ReadRows(const PartitionRef& partition, const KeyRange& range, size_t max_rows, Arena* arena,
                  std::vector<RowEntry>* rows) override;
  Status Write(const StateDelta& delta) override;
  Result<std::optional<DueRow>> NextDue(const PartitionRef& partition, UnixSeconds now, Arena* arena) override;
  Result<std::optional<DueRow>> NextDueOfAll(UnixSeconds now, Arena* arena) override;
  Status ForgetPartition(const PartitionRef& partition) override;
  Status ForgetTable(const TableId& table) override;
  // Looks at all partitions each time.
  Status ListPartitions(const PartitionRef& from, size_t max, Arena* arena,
                        std::vector<PartitionRef>* partitions) override;

  // Forgets everything.
  void Clear();

  // Memory that the rows and headers take, about.
  size_t held_bytes() const;

 private:
  struct Partition;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace braid
