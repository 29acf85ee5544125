#include "pipeline/verify/state_comparison.h"

#include <algorithm>
#include <optional>

#include "pipeline/verify/row_judge.h"
#include "reconcile/state_record.h"

namespace braid {
namespace {

constexpr uint64_t kEventsPerStep = 4096;

}  // namespace

Status StateComparison::Run(StateReader* state) {
  TRY(NextEvent());
  TRY(state->Read(this));
  return FoldBefore({});
}

Status StateComparison::NextEvent() {
  ASSIGN_OR_RETURN(more_, rooms_.events->by_row->Next());
  if (++taken_ % kEventsPerStep != 0) return {};
  return rooms_.step(static_cast<double>(taken_) / static_cast<double>(std::max(taken_, rooms_.events->count)));
}

Status StateComparison::FoldRow() {
  SortedRecords& events = *rooms_.events->by_row;
  folded_ = StateKeyOf(events.key());
  const TableId table = TableOfKey(folded_);
  std::optional<size_t> truncations;
  while (more_ && StateKeyOf(events.key()) == folded_) {
    const uint64_t n = NumberOf(events.key());
    const size_t truncated = rooms_.events->TruncationsBefore(table, n);
    if (truncations != truncated) chain_.Begin(rooms_.events->first == 1 || truncated > 0);
    truncations = truncated;
    TRY(chain_.Take(n, events.value()));
    TRY(NextEvent());
  }
  // What came before the last truncation says nothing of the row that there is now.
  if (truncations != rooms_.events->TruncationsBefore(table, UINT64_MAX)) chain_.Begin(true);
  return {};
}

Status StateComparison::FoldBefore(ByteView key) {
  while (more_ && (key.empty() || StateKeyOf(rooms_.events->by_row->key()) < key)) {
    TRY(FoldRow());
    arena_.Reset();
    ASSIGN_OR_RETURN(const RecordKey record, ReadRecordKey(folded_, &arena_));
    TRY(Judge(record.partition, {record.kind == RecordKind::kStaticRow, record.rest}, nullptr));
  }
  return {};
}

Status StateComparison::OnRow(const PartitionRef& partition, const RowRef& ref, const RowState& row) {
  if (!rooms_.definitions->Wants(partition.table)) return {};
  key_.clear();
  AppendRowKey(&key_, 0, partition, ref);
  TRY(FoldBefore(key_));
  if (more_ && StateKeyOf(rooms_.events->by_row->key()) == key_) {
    TRY(FoldRow());
  } else {
    chain_.Begin(rooms_.events->first == 1 || rooms_.events->truncations.contains(partition.table));
  }
  arena_.Reset();
  return Judge(partition, ref, &row);
}

Status StateComparison::Judge(const PartitionRef& partition, const RowRef& ref, const RowState* row) {
  const Change* last = chain_.last();
  // One that nobody was told of: deletions of what was not there.
  if (row != nullptr && row->revision == 0) row = nullptr;
  if (row == nullptr && last == nullptr) return {};
  if (last == nullptr && !chain_.known()) {
    ++rooms_.verdict->unjudged;
    return {};
  }
  ++rooms_.verdict->rows;
  RowDefinitions definitions;
  definitions.newest = rooms_.definitions->Newest(partition.table);
  if (definitions.newest == nullptr) return Corrupt("the schema log lacks table " + partition.table.ToString());
  const auto walked = rooms_.mark->schemas.find(partition.table);
  if (walked != rooms_.mark->schemas.end()) definitions.walked = rooms_.definitions->all().Find(walked->second);
  const RowKind kind = ref.is_static ? RowKind::kStatic : RowKind::kRegular;
  const auto fault = JudgeRow(last, row, kind, definitions, &arena_);
  if (!fault.has_value()) return {};
  Change told;
  told.schema = last != nullptr ? last->schema : definitions.newest;
  told.row = kind;
  told.partition_key = partition.key;
  told.clustering = last != nullptr ? last->clustering : row->clustering;
  rooms_.findings->Add(fault->fault, told, chain_.last_number(), fault->detail, fault->columns);
  return {};
}

}  // namespace braid
