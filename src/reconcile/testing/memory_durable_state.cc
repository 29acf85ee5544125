#include "reconcile/testing/memory_durable_state.h"

#include <utility>

#include "reconcile/state_record.h"

namespace braid::testing {

Result<std::unique_ptr<MemoryDurableState>> MemoryDurableState::Open(Disk* disk, uint32_t shard) {
  std::unique_ptr<MemoryDurableState> state(new MemoryDurableState(disk, shard));
  TRY(state->Load());
  return state;
}

Status MemoryDurableState::Load() {
  for (const auto& [key, value] : disk_->records) TRY(RestoreRecord(key, value, &memory_));
  return {};
}

Result<const PartitionHeader*> MemoryDurableState::ReadHeader(const PartitionRef& partition, Arena* arena) {
  return memory_.ReadHeader(partition, arena);
}

Result<const RowState*> MemoryDurableState::ReadRow(const PartitionRef& partition, const RowRef& row, Arena* arena) {
  return memory_.ReadRow(partition, row, arena);
}

Status MemoryDurableState::ReadRows(const PartitionRef& partition, const KeyRange& range, size_t max_rows, Arena* arena,
                                    std::vector<RowEntry>* rows) {
  return memory_.ReadRows(partition, range, max_rows, arena, rows);
}

Status MemoryDurableState::Write(const StateDelta& delta) {
  braid::Commit commit;
  commit.shard = shard_;
  AppendDelta(delta, &commit);
  TRY(memory_.Write(delta));
  for (const StateWrite& write : commit.state) pending_bytes_ += write.key.size() + write.value.size();
  pending_.push_back({std::move(commit.state), {}});
  return {};
}

Result<std::optional<DueRow>> MemoryDurableState::NextDue(const PartitionRef& partition, UnixSeconds now,
                                                          Arena* arena) {
  return memory_.NextDue(partition, now, arena);
}

Result<std::optional<DueRow>> MemoryDurableState::NextDueOfAll(UnixSeconds now, Arena* arena) {
  return memory_.NextDueOfAll(now, arena);
}

Status MemoryDurableState::ForgetPartition(const PartitionRef& partition) {
  TRY(memory_.ForgetPartition(partition));
  std::string prefix;
  AppendPartitionPrefix(&prefix, shard_, partition);
  Forget(std::move(prefix));
  return {};
}

Status MemoryDurableState::ForgetTable(const TableId& table) {
  TRY(memory_.ForgetTable(table));
  // Keys begin with the shard, in four bytes, and the table.
  std::string prefix;
  AppendPartitionPrefix(&prefix, shard_, {.table = table, .token = {}, .key = {}});
  Forget(prefix.substr(0, 4 + table.bytes.size()));
  return {};
}

void MemoryDurableState::Forget(std::string prefix) {
  pending_bytes_ += prefix.size();
  pending_.push_back({{}, std::move(prefix)});
}

Status MemoryDurableState::ListPartitions(const PartitionRef& from, size_t max, Arena* arena,
                                          std::vector<PartitionRef>* partitions) {
  return memory_.ListPartitions(from, max, arena, partitions);
}

Status MemoryDurableState::Commit(ByteView mark) {
  const std::optional<Failure> failure = std::exchange(failure_, std::nullopt);
  if (failure.has_value() && !failure->durable) return Error{failure->code, "the state: a commit was made to fail"};
  MakeDurable(mark);
  if (failure.has_value()) return Error{failure->code, "the state: a commit was made to look failed"};
  return {};
}

void MemoryDurableState::MakeDurable(ByteView mark) {
  for (Step& step : pending_) {
    if (!step.forgotten.empty()) {
      std::erase_if(disk_->records, [&](const auto& record) { return record.first.starts_with(step.forgotten); });
    }
    for (StateWrite& write : step.writes) {
      if (write.erased) {
        disk_->records.erase(write.key);
      } else {
        disk_->records[write.key] = std::move(write.value);
      }
    }
  }
  pending_.clear();
  pending_bytes_ = 0;
  disk_->mark = mark;
}

Status MemoryDurableState::Rollback() {
  memory_.Clear();
  pending_.clear();
  pending_bytes_ = 0;
  return Load();
}

}  // namespace braid::testing
