#include "pipeline/replay/spilling_state.h"

#include "reconcile/lww/apply.h"

namespace braid {
namespace {

constexpr size_t kRowsPerStep = 256;

// What RocksState keeps until its next Commit is bounded by committing this often.
constexpr size_t kPendingBytes = 8 << 20;

Status CommitIfLarge(RocksState* disk) {
  if (disk->pending_bytes() < kPendingBytes) return {};
  return disk->Commit({});
}

Status CopyRow(const PartitionRef& partition, const RowRef& ref, const RowState& row, State* to) {
  const RowDelta delta{ref, &row, UnixSeconds::Never(), NextExpiry(row)};
  return to->Write({partition, nullptr, false, {&delta, 1}});
}

}  // namespace

Result<const PartitionHeader*> SpillingState::ReadHeader(const PartitionRef& partition, Arena* arena) {
  return current().ReadHeader(partition, arena);
}

Result<const RowState*> SpillingState::ReadRow(const PartitionRef& partition, const RowRef& row, Arena* arena) {
  return current().ReadRow(partition, row, arena);
}

Status SpillingState::ReadRows(const PartitionRef& partition, const KeyRange& range, size_t max_rows, Arena* arena,
                               std::vector<RowEntry>* rows) {
  return current().ReadRows(partition, range, max_rows, arena, rows);
}

Status SpillingState::Write(const StateDelta& delta) {
  TRY(current().Write(delta));
  if (on_disk_) return CommitIfLarge(disk_.get());
  if (memory_.held_bytes() <= options_.memory_bytes) return {};
  return Spill(delta.partition);
}

Result<std::optional<DueRow>> SpillingState::NextDue(const PartitionRef& partition, UnixSeconds now, Arena* arena) {
  return current().NextDue(partition, now, arena);
}

Result<std::optional<DueRow>> SpillingState::NextDueOfAll(UnixSeconds now, Arena* arena) {
  return current().NextDueOfAll(now, arena);
}

Status SpillingState::ForgetPartition(const PartitionRef& partition) {
  const bool was_on_disk = on_disk_;
  on_disk_ = false;
  if (!was_on_disk) return memory_.ForgetPartition(partition);
  TRY(disk_->ForgetPartition(partition));
  return disk_->Commit({});
}

Status SpillingState::ForgetTable(const TableId& table) {
  return current().ForgetTable(table);
}

Status SpillingState::ListPartitions(const PartitionRef& from, size_t max, Arena* arena,
                                     std::vector<PartitionRef>* partitions) {
  return current().ListPartitions(from, max, arena, partitions);
}

Status SpillingState::Spill(const PartitionRef& partition) {
  if (disk_ == nullptr) {
    const RocksState::Options options{
        .path = options_.directory + "/state", .memory_bytes = options_.memory_bytes, .sync = false};
    ASSIGN_OR_RETURN(disk_, RocksState::Open(options));
  }
  Arena arena;
  ASSIGN_OR_RETURN(const PartitionHeader* header, memory_.ReadHeader(partition, &arena));
  if (header != nullptr) TRY(disk_->Write({partition, header, false, {}}));
  const RowRef static_row{.is_static = true, .key = {}};
  ASSIGN_OR_RETURN(const RowState* row, memory_.ReadRow(partition, static_row, &arena));
  if (row != nullptr) TRY(CopyRow(partition, static_row, *row, disk_.get()));

  std::vector<RowEntry> rows;
  std::string from;
  do {
    rows.clear();
    arena.Reset();
    TRY(memory_.ReadRows(partition, {from, {}, true}, kRowsPerStep, &arena, &rows));
    for (const RowEntry& entry : rows) TRY(CopyRow(partition, entry.ref, entry.state, disk_.get()));
    TRY(CommitIfLarge(disk_.get()));
    if (!rows.empty()) from = std::string(rows.back().ref.key) + '\0';
  } while (rows.size() == kRowsPerStep);

  TRY(memory_.ForgetPartition(partition));
  on_disk_ = true;
  ++spilled_partitions_;
  return {};
}

}  // namespace braid
