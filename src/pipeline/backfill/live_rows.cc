#include "pipeline/backfill/live_rows.h"

#include <algorithm>

#include "reconcile/lww/image.h"
#include "reconcile/lww/merge.h"

namespace braid {

Status LiveRows::Take(const SstablePiece& piece, ChangeSink& sink) {
  const Mutation& mutation = piece.mutation;
  if (piece.first) partition_deletion_ = mutation.partition_deletion;
  if (mutation.static_row != nullptr) {
    TRY(TakeRow(mutation, RowKind::kStatic, *mutation.static_row, partition_deletion_, sink));
  }
  for (const RowUpdate& row : mutation.rows) {
    const Deletion outer = mutation.ranges.empty()
                               ? partition_deletion_
                               : Stronger(partition_deletion_, DeletionAt(mutation.ranges, row.key));
    TRY(TakeRow(mutation, RowKind::kRegular, row, outer, sink));
  }
  return {};
}

Result<RowState> LiveRows::StateOf(const RowUpdate& row, const Deletion& outer) {
  RowContent content = ContentOf(row);
  // Without any deletion nothing of it is covered. Counters' contexts are checked by the merge, whatever it joins.
  const bool as_it_is =
      outer.live() && content.deletion.live() && content.complex_deletions.empty() && !schema_->counter;
  if (!as_it_is) {
    ASSIGN_OR_RETURN(content, MergeContents(*schema_, outer, {}, content, &arena_));
  }
  RowState state;
  state.clustering = row.clustering;
  state.liveness = content.liveness;
  state.deletion = content.deletion;
  state.complex_deletions = content.complex_deletions;
  state.cells = content.cells;
  return state;
}

Status LiveRows::TakeRow(const Mutation& of, RowKind kind, const RowUpdate& row, const Deletion& outer,
                         ChangeSink& sink) {
  arena_.Reset();
  ASSIGN_OR_RETURN(const RowState state, StateOf(row, outer));
  if (!ExistsAt(*schema_, state, now_)) {
    ++dead_;
    return {};
  }
  Change change;
  change.schema = schema_.get();
  change.token = of.token;
  change.partition_key = of.partition_key;
  change.row = kind;
  if (kind == RowKind::kRegular) change.clustering = row.clustering;
  change.op = Op::kRead;
  change.cause = Cause::kBackfill;
  change.revision = 1;
  change.after = ImageAt(*schema_, kind, state, {}, now_, &arena_);
  TellWhatLives(state, &change);
  return sink.Emit(change);
}

void LiveRows::TellWhatLives(const RowState& row, Change* change) {
  written_.clear();
  if (IsLive(row.liveness, now_)) change->ts = row.liveness.at;
  for (const Cell& cell : row.cells) {
    if (!IsLive(cell, now_) || !Counts(*schema_, cell.column, cell.at)) continue;
    change->ts = std::max(change->ts, cell.at);
    if (written_.empty() || written_.back() != cell.column) written_.push_back(cell.column);
  }
  change->written = written_;
}

}  // namespace braid
