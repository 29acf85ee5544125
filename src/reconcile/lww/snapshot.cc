#include "reconcile/lww/snapshot.h"

#include <algorithm>

#include "reconcile/lww/image.h"
#include "reconcile/lww/merge.h"
#include "reconcile/lww/snapshot_settle.h"
#include "reconcile/lww/transition.h"

namespace braid {
namespace {

// The greatest time of what is alive in the row at `now`.
WriteTime GreatestLiveTime(const TableSchema& schema, const RowContent& row, UnixSeconds now) {
  WriteTime greatest;
  if (IsLive(row.liveness, now)) greatest = row.liveness.at;
  for (const Cell& cell : row.cells) {
    if (IsLive(cell, now) && Counts(schema, cell.column, cell.at)) greatest = std::max(greatest, cell.at);
  }
  return greatest;
}

// What the clocks of row and header go by (write.h): of counters the greatest shard clock.
WriteTime OrderTimeOf(const TableSchema& schema, const RowContent& row, WriteTime ts) {
  if (!schema.counter) return ts;
  WriteTime greatest;
  for (const Cell& cell : row.cells) {
    if (cell.kind != CellKind::kLive) continue;
    const CounterShard shard = LatestShard(cell.value);
    if (!shard.id.empty()) greatest = std::max(greatest, WriteTime{shard.clock});
  }
  return greatest.none() ? ts : greatest;
}

// Columns of the row's kind of which the snapshot says nothing either, by id.
std::span<const ColumnId> StillUnknown(std::span<const ColumnId> unknown, const RowContent& found, Arena* arena) {
  const std::span<ColumnId> rest = arena->NewArray<ColumnId>(unknown.size());
  const auto end =
      std::ranges::remove_copy_if(unknown, rest.begin(), [&](ColumnId id) {
        const auto is_column = [&](const auto& part) { return part.column == id; };
        return std::ranges::any_of(found.cells, is_column) || std::ranges::any_of(found.complex_deletions, is_column);
      }).out;
  return rest.first(static_cast<size_t>(end - rest.begin()));
}

// Columns that have a value in `after` and another, or none that is known, in `before` (nullptr: no row), by id.
std::span<const ColumnId> DifferentColumns(const Image* before, const Image& after, Arena* arena) {
  const std::span<const ColumnValue> old = before == nullptr ? std::span<const ColumnValue>() : before->columns;
  const std::span<ColumnId> columns = arena->NewArray<ColumnId>(after.columns.size());
  size_t n = 0;
  size_t i = 0;
  for (const ColumnValue& value : after.columns) {
    // Both are in the schema's order.
    size_t at = i;
    while (at < old.size() && old[at].column != value.column) ++at;
    const bool was_there = at < old.size();
    if (was_there) i = at + 1;
    const bool same = was_there && old[at].null == value.null && (value.null || old[at].value == value.value);
    const bool is_news = before == nullptr ? !value.null : !same;
    if (is_news) columns[n++] = value.column;
  }
  std::ranges::sort(columns.first(n));
  return columns.first(n);
}

// One row, held against a snapshot.
class Comparison {
 public:
  Comparison(const TableSchema& schema, Token token, ByteView partition_key, PartitionHeader* header, const RowRef& ref,
             const RowState* row, const RowUpdate* found, const SnapshotSight& sight, Arena* arena)
      : schema_(schema),
        token_(token),
        partition_key_(partition_key),
        header_(header),
        ref_(ref),
        row_(row),
        row_found_(found),
        sight_(sight),
        arena_(arena) {}

  Result<SnapshotOutcome> Run() {
    outcome_.row.verdict = Verdict::kCopy;
    const Deletion around = ref_.is_static ? header_->deletion : OuterDeletion(*header_, ref_.key);
    outer_ = sight_.header_takes_covering ? Stronger(around, sight_.covering) : around;
    if (row_ != nullptr) before_ = *row_;
    if (row_ == nullptr && row_found_ != nullptr) before_.clustering = row_found_->clustering;
    now_ = std::max(sight_.now, before_.expired_through);
    const bool was_complete = row_ != nullptr ? row_->complete : header_->complete || !around.live();
    // What is left out by an incomplete snapshot says nothing of a row that is not known whole.
    if (!sight_.whole && !was_complete && row_found_ == nullptr) return outcome_;

    TRY(Merge());
    RowState& after = outcome_.row.state;
    after = WithContent(before_, merged_);
    after.complete = sight_.whole || was_complete;
    after.unknown = after.complete ? std::span<const ColumnId>() : StillUnknown(Unknown(), found_, arena_);
    // Of a row that nobody was told of, and of which only tombstones were found, nothing follows yet.
    if (row_ == nullptr && !after.complete && !ExistsAt(schema_, after, now_)) return outcome_;
    Tell();
    return outcome_;
  }

 private:
  // Brings `found_` and `merged_` about.
  Status Merge() {
    RowContent said = row_found_ == nullptr ? RowContent{} : ContentOf(*row_found_);
    if (!sight_.header_takes_covering) said.deletion = Stronger(said.deletion, sight_.covering);
    ASSIGN_OR_RETURN(found_, MergeContents(schema_, outer_, said, RowContent{}, arena_));
    ASSIGN_OR_RETURN(merged_, MergeContents(schema_, outer_, ContentOf(before_), found_, arena_));
    if (row_ == nullptr || !sight_.whole || sight_.touched) return {};
    if (!ExistsAt(schema_, WithContent({}, found_), now_)) return EndRow();
    const internal::Settlement settled = internal::Settle(schema_, outer_, ContentOf(before_), found_, now_, arena_);
    if (!settled.contradicts) return {};
    outcome_.contradicts = true;
    ASSIGN_OR_RETURN(merged_, MergeContents(schema_, outer_, settled.state, settled.found, arena_));
    return {};
  }

  // The row is not there. What was alive in it goes, and copies of it with it.
  Status EndRow() {
    if (!ExistsAt(schema_, WithContent({}, merged_), now_)) return {};
    lacks_ = true;
    outcome_.contradicts = true;
    ended_at_ = GreatestLiveTime(schema_, merged_, now_);
    RowContent end;
    end.deletion = {ended_at_, now_};
    ASSIGN_OR_RETURN(merged_, MergeContents(schema_, outer_, merged_, end, arena_));
    return {};
  }

  std::span<const ColumnId> Unknown() {
    if (row_ != nullptr) return row_->unknown;
    const std::span<ColumnId> columns =
        arena_->CopyArray(ColumnsOf(schema_, ref_.is_static ? RowKind::kStatic : RowKind::kRegular));
    std::ranges::sort(columns);
    return columns;
  }

  // Makes the outcome of `outcome_.row.state`'s content.
  void Tell() {
    RowOutcome& row = outcome_.row;
    const RowKind kind = ref_.is_static ? RowKind::kStatic : RowKind::kRegular;
    const bool existed = row_ != nullptr && internal::IsTakenToExist(schema_, before_, now_);
    const bool exists = internal::IsTakenToExist(schema_, row.state, now_);
    bool is_change = existed != exists;
    if (existed && exists) {
      const Image* old = ImageAt(schema_, kind, before_, before_.unknown, now_, arena_);
      const Image* image = ImageAt(schema_, kind, row.state, row.state.unknown, now_, arena_);
      is_change = !DifferentColumns(old, *image, arena_).empty();
    }
    header_->clock = std::max(header_->clock, GreatestTime(merged_));
    if (!is_change) {
      Keep();
      return;
    }
    internal::Transition transition;
    transition.schema = &schema_;
    transition.token = token_;
    transition.partition_key = partition_key_;
    transition.ref = ref_;
    transition.before = &before_;
    transition.now_before = transition.now_after = now_;
    const bool is_read = before_.revision == 0 && !existed;
    const WriteTime ts = TimeOf(is_read, exists);
    transition.order_time = OrderTimeOf(schema_, merged_, ts);
    internal::Tell(transition, header_, &row, arena_);
    row.state.last_emitted = std::max(before_.last_emitted, transition.order_time);
    Change& change = row.change;
    if (is_read) {
      change.op = Op::kRead;
      change.snapshot = SnapshotMark::kTrue;
    }
    change.cause = CauseOf(is_read);
    change.ts = ts;
    if (exists) change.written = DifferentColumns(change.before, *change.after, arena_);
  }

  // Nobody sees a difference.
  void Keep() {
    RowOutcome& row = outcome_.row;
    const bool same = row_ != nullptr && SameContent(merged_, ContentOf(before_)) &&
                      row.state.complete == before_.complete &&
                      row.state.unknown.size() == (before_.complete ? 0 : before_.unknown.size());
    if (same || (row_ == nullptr && merged_.empty())) return;
    row.verdict = Verdict::kSilent;
    row.forget = merged_.empty() && row.state.revision == 0;
    row.state.expired_through = internal::ExpiredThrough(row.state, now_);
    row.due_before = NextExpiry(before_);
    row.due_after = row.forget ? UnixSeconds::Never() : NextExpiry(row.state);
  }

  WriteTime TimeOf(bool is_read, bool exists) const {
    if (lacks_) return ended_at_;
    if (is_read) return GreatestLiveTime(schema_, merged_, now_);
    WriteTime ts = GreatestTime(merged_);
    if (!exists) ts = std::max(ts, outer_.at);
    return ts.none() ? before_.last_emitted : ts;
  }

  Cause CauseOf(bool is_read) const {
    if (lacks_) return Cause::kRepair;
    return sight_.repair && !is_read && before_.complete ? Cause::kRepair : Cause::kBackfill;
  }

  const TableSchema& schema_;
  const Token token_;
  const ByteView partition_key_;
  PartitionHeader* const header_;
  const RowRef& ref_;
  const RowState* const row_;
  const RowUpdate* const row_found_;
  const SnapshotSight& sight_;
  Arena* const arena_;
  Deletion outer_;  // around the row, from now on
  UnixSeconds now_;
  RowState before_;    // an empty one if there is none
  RowContent found_;   // of the snapshot, without what is covered
  RowContent merged_;  // what the row holds from now on
  bool lacks_ = false;
  WriteTime ended_at_;  // if so
  SnapshotOutcome outcome_;
};

}  // namespace

Result<SnapshotOutcome> ApplySnapshotToRow(const TableSchema& schema, Token token, ByteView partition_key,
                                           PartitionHeader* header, const RowRef& ref, const RowState* row,
                                           const RowUpdate* found, const SnapshotSight& sight, Arena* arena) {
  return Comparison(schema, token, partition_key, header, ref, row, found, sight, arena).Run();
}

}  // namespace braid
