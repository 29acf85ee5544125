// Which rows of a merged table live at one second, and what they look like.
#pragma once

#include <cstdint>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "cassandra/sstable/scan.h"
#include "model/change.h"
#include "model/row_state.h"
#include "model/schema.h"
#include "model/time.h"
#include "reconcile/change_sink.h"

namespace braid {

// Turns the pieces of one table (TableMerge) into Changes: one with op kRead and cause kBackfill for each row, static
// ones too, that exists at `now` as SELECT decides. Deletions are applied, whole partitions' across their pieces. Of a
// Change, `ts` is the greatest write time of what lives of the row, `written` the columns that live, the revision 1;
// there is no origin.
class LiveRows {
 public:
  LiveRows(TableSchemaPtr schema, UnixSeconds now) : schema_(std::move(schema)), now_(now) {}

  // Emits the rows of `piece`, the static row first, by key. Pieces must come in the merge's order. Errors: the sink's;
  // kUnsupported and kCorrupt for counters, with the table.
  Status Take(const SstablePiece& piece, ChangeSink& sink);

  // Rows that the pieces had but that do not exist: deleted, expired, or only of columns that were dropped.
  uint64_t dead() const { return dead_; }

 private:
  Status TakeRow(const Mutation& of, RowKind kind, const RowUpdate& row, const Deletion& outer, ChangeSink& sink);
  // The row's state under the deletion around it.
  Result<RowState> StateOf(const RowUpdate& row, const Deletion& outer);
  // Fills `ts` and `written`.
  void TellWhatLives(const RowState& row, Change* change);

  TableSchemaPtr schema_;
  const UnixSeconds now_;
  Deletion partition_deletion_;
  uint64_t dead_ = 0;
  Arena arena_;  // of one row
  std::vector<ColumnId> written_;
};

}  // namespace braid
