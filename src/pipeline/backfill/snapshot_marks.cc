#include "pipeline/backfill/snapshot_marks.h"

namespace braid {

Status SnapshotMarks::Emit(const Change& change) {
  if (any_) {
    kept_.snapshot = first_ ? SnapshotMark::kFirst : SnapshotMark::kTrue;
    TRY(sink_->Emit(kept_));
    first_ = false;
  }
  Keep(change);
  return {};
}

Status SnapshotMarks::EndTable() {
  if (any_) {
    kept_.snapshot = SnapshotMark::kLast;
    TRY(sink_->Emit(kept_));
  }
  any_ = false;
  first_ = true;
  return {};
}

void SnapshotMarks::Keep(const Change& change) {
  arena_.Reset();
  any_ = true;
  kept_ = change;
  kept_.partition_key = arena_.Copy(change.partition_key);
  kept_.clustering = arena_.Copy(change.clustering);
  kept_.written = arena_.CopyArray(change.written);
  const std::span<ColumnValue> columns = arena_.CopyArray(change.after->columns);
  for (ColumnValue& value : columns) value.value = arena_.Copy(value.value);
  after_.columns = columns;
  kept_.after = &after_;
}

}  // namespace braid
