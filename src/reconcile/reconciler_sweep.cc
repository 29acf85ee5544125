// What the reconciler does to many rows at once: the purge, TRUNCATE, and what a change of a definition ends.
#include <algorithm>

#include "reconcile/reconciler.h"
#include "reconcile/walk_place.h"

namespace braid {
namespace {

constexpr size_t kPartitionsPerStep = 64;

PurgeLimits Stricter(const PurgeLimits& a, const PurgeLimits& b) {
  PurgeLimits limits = a;
  limits.now = std::min(a.now, b.now);
  limits.gc_grace_s = std::max(a.gc_grace_s, b.gc_grace_s);
  limits.sources_passed = std::min(a.sources_passed, b.sources_passed);
  limits.open_gap = a.open_gap || b.open_gap;
  return limits;
}

size_t PartsOf(const RowState& row) {
  return row.cells.size() + row.complex_deletions.size() + (row.liveness.none() ? 0 : 1) +
         (row.deletion.live() ? 0 : 1);
}
size_t PartsOf(const PartitionHeader& header) {
  return header.ranges.size() + (header.deletion.live() ? 0 : 1);
}

}  // namespace

// Reads rows of the partition into `rows_`: with the static row, if from its beginning. `next`: from where to go on, if
// there may be more.
Status Reconciler::ReadPart(const PartitionRef& partition, const std::optional<std::string>& from, size_t max_rows,
                            std::optional<std::string>* next) {
  step_arena_.Reset();
  rows_.clear();
  deltas_.clear();
  const KeyRange range{from.has_value() ? ByteView(*from) : ByteView(), {}, true};
  TRY(state_->ReadRows(partition, range, max_rows, &step_arena_, &rows_));
  next->reset();
  if (rows_.size() == max_rows) *next = std::string(rows_.back().ref.key) + '\0';
  if (from.has_value()) return {};
  ASSIGN_OR_RETURN(const RowState* row, state_->ReadRow(partition, {.is_static = true, .key = {}}, &step_arena_));
  if (row != nullptr) rows_.push_back({{.is_static = true, .key = {}}, *row});
  return {};
}

// Purges the rows in `rows_`.
Status Reconciler::PurgePart(const TableSchema& schema, const PartitionRef& partition, const PurgeLimits& limits) {
  const std::span<RowState> rests = step_arena_.NewArray<RowState>(rows_.size());
  for (size_t i = 0; i < rows_.size(); ++i) {
    const RowState& row = rows_[i].state;
    const std::optional<RowState> rest = PurgeRow(schema, row, limits, &step_arena_);
    const size_t left = rest.has_value() ? PartsOf(*rest) : 0;
    if (rest.has_value() && left == PartsOf(row)) continue;
    stats_.parts_purged += PartsOf(row) - left;
    if (rest.has_value()) {
      rests[i] = *rest;
    } else {
      ++stats_.rows_purged;
    }
    const RowState* kept = rest.has_value() ? &rests[i] : nullptr;
    deltas_.push_back({rows_[i].ref, kept, NextExpiry(row), kept ? NextExpiry(*kept) : UnixSeconds::Never()});
  }
  return deltas_.empty() ? Status{} : state_->Write({partition, nullptr, false, deltas_});
}

// Purges the header of a partition whose rows have all been purged, or the partition.
Status Reconciler::PurgeRest(const PartitionRef& partition, const PurgeLimits& limits) {
  ASSIGN_OR_RETURN(const PartitionHeader header, ReadHeader(partition));
  const PartitionHeader rest = PurgeHeader(header, limits, &step_arena_);
  const bool says_nothing =
      rest.deletion.live() && rest.ranges.empty() && rest.complete == HistoryKnown(partition.table);
  if (says_nothing && !limits.open_gap && rest.last_emitted < limits.sources_passed) {
    // Rows may have come since the first of them were purged.
    std::optional<std::string> more;
    TRY(ReadPart(partition, std::nullopt, 1, &more));
    if (rows_.empty()) {
      stats_.parts_purged += PartsOf(header);
      ++stats_.partitions_purged;
      return state_->ForgetPartition(partition);
    }
  }
  if (PartsOf(rest) == PartsOf(header)) return {};
  stats_.parts_purged += PartsOf(header) - PartsOf(rest);
  return state_->Write({partition, &rest, false, {}});
}

Status Reconciler::PurgePartition(const TableSchema& schema, Token token, ByteView partition_key,
                                  const PurgeLimits& limits) {
  const PartitionRef partition{schema.table_id, token, partition_key};
  std::optional<std::string> next;
  do {
    const std::optional<std::string> from = next;
    TRY(ReadPart(partition, from, options_.rows_per_chunk, &next));
    TRY(PurgePart(schema, partition, limits));
  } while (next.has_value());
  return PurgeRest(partition, limits);
}

Result<bool> Reconciler::Walk(const std::optional<TableId>& only, size_t max_rows, Cursor* cursor, const Visit& visit) {
  size_t left = max_rows;
  while (left > 0) {
    Arena arena;
    ASSIGN_OR_RETURN(internal::WalkPlace place, internal::PlaceOf(cursor->next, &arena));
    if (cursor->next.empty() && only.has_value()) place.partition.table = *only;
    std::vector<PartitionRef> partitions;
    TRY(state_->ListPartitions(place.partition, std::min(left, kPartitionsPerStep), &arena, &partitions));
    if (only.has_value()) std::erase_if(partitions, [&](const PartitionRef& ref) { return ref.table != *only; });
    if (partitions.empty()) {
      *cursor = {};
      return false;
    }
    for (const PartitionRef& partition : partitions) {
      std::optional<std::string> from;
      // The partition in which the walk stood may be gone.
      if (partition.key == place.partition.key && partition.token == place.partition.token &&
          partition.table == place.partition.table) {
        from = place.from;
      }
      if (!from.has_value()) cursor->limits.reset();
      do {
        std::optional<std::string> next;
        rows_.clear();
        TRY(visit(partition, from, std::min(left, options_.rows_per_chunk), &next));
        left -= std::min(left, std::max<size_t>(rows_.size(), 1));
        cursor->next = next.has_value() ? internal::KeyAt(partition, next) : internal::KeyAfter(partition);
        from = next;
      } while (from.has_value() && left > 0);
      if (left == 0) return true;
    }
  }
  return true;
}

Result<bool> Reconciler::PurgeSome(Cursor* cursor, const std::function<TablePurge(const TableId&)>& purge_of,
                                   size_t max_rows) {
  std::optional<TableId> table;
  TablePurge purge;
  return Walk(std::nullopt, max_rows, cursor,
              [&](const PartitionRef& partition, const std::optional<std::string>& from, size_t rows,
                  std::optional<std::string>* next) -> Status {
                if (table != partition.table) {
                  table = partition.table;
                  purge = purge_of(partition.table);
                }
                if (purge.schema == nullptr) return {};
                cursor->limits = cursor->limits.has_value() ? Stricter(*cursor->limits, purge.limits) : purge.limits;
                TRY(ReadPart(partition, from, rows, next));
                TRY(PurgePart(*purge.schema, partition, *cursor->limits));
                return next->has_value() ? Status{} : PurgeRest(partition, *cursor->limits);
              });
}

Status Reconciler::Truncate(const TableSchema& schema, WriteTime at, ChangeSink& sink) {
  Change change;
  change.schema = &schema;
  change.op = Op::kTruncate;
  change.cause = Cause::kTruncate;
  change.ts = at;
  TRY(Emit(change, sink));
  return ForgetTable(schema.table_id);
}

Result<bool> Reconciler::TruncateRows(const TableSchema& schema, WriteTime at, UnixSeconds now, Cursor* cursor,
                                      size_t max_rows, ChangeSink& sink) {
  return Walk(schema.table_id, max_rows, cursor,
              [&](const PartitionRef& partition, const std::optional<std::string>& from, size_t rows,
                  std::optional<std::string>* next) -> Status {
                TRY(ExpireUntil(schema, partition, now, sink));
                TRY(ReadPart(partition, from, rows, next));
                return TruncatePart(schema, at, partition, now, sink);
              });
}

Status Reconciler::TruncatePart(const TableSchema& schema, WriteTime at, const PartitionRef& partition, UnixSeconds now,
                                ChangeSink& sink) {
  ASSIGN_OR_RETURN(PartitionHeader header, ReadHeader(partition));
  for (const RowEntry& row : rows_) {
    const RowOutcome outcome =
        TruncateRow(schema, partition.token, partition.key, &header, row.ref, row.state, at, now, &step_arena_);
    if (outcome.verdict != Verdict::kChange) continue;
    TRY(Emit(outcome.change, sink));
    deltas_.push_back({row.ref, nullptr, outcome.due_before, outcome.due_after});
  }
  return deltas_.empty() ? Status{} : state_->Write({partition, &header, false, deltas_});
}

Status Reconciler::ForgetTable(const TableId& table) {
  TRY(state_->ForgetTable(table));
  // A mutation that was taken in before is news again.
  copies_.Clear();
  histories_.erase(table);
  walked_.erase(table);
  ahead_.erase(table);
  return {};
}

Result<bool> Reconciler::WalkSchema(const TableSchema& before, const TableSchema& after, UnixSeconds now,
                                    Cursor* cursor, size_t max_rows, ChangeSink& sink) {
  if (!RedefinesRows(before, after)) {
    *cursor = {};
    return false;
  }
  return Walk(before.table_id, max_rows, cursor,
              [&](const PartitionRef& partition, const std::optional<std::string>& from, size_t rows,
                  std::optional<std::string>* next) -> Status {
                TRY(ExpireUntil(before, partition, now, sink));
                TRY(ReadPart(partition, from, rows, next));
                return RedefinePart(before, after, partition, now, sink);
              });
}

// Tells of the rows in `rows_` that the new definition ends or brings back.
Status Reconciler::RedefinePart(const TableSchema& before, const TableSchema& after, const PartitionRef& partition,
                                UnixSeconds now, ChangeSink& sink) {
  ASSIGN_OR_RETURN(PartitionHeader header, ReadHeader(partition));
  const std::span<RowOutcome> outcomes = step_arena_.NewArray<RowOutcome>(rows_.size());
  for (size_t i = 0; i < rows_.size(); ++i) {
    RowOutcome& outcome = outcomes[i];
    outcome = RedefineRow(before, after, partition.token, partition.key, &header, rows_[i].ref, rows_[i].state, now,
                          &step_arena_);
    if (outcome.verdict != Verdict::kChange) continue;
    TRY(Emit(outcome.change, sink));
    deltas_.push_back({rows_[i].ref, &outcome.state, outcome.due_before, outcome.due_after});
  }
  return deltas_.empty() ? Status{} : state_->Write({partition, &header, false, deltas_});
}

}  // namespace braid
