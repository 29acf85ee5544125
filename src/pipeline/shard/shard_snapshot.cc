// Of shard.h: what becomes of a table's snapshot, while live writes go on.
#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/checksum.h"
#include "codec/mutation.h"
#include "encode/json.h"
#include "pipeline/shard/shard.h"

namespace braid {
namespace {

// Rows that are held against a snapshot in one step.
constexpr size_t kRowsPerStep = 1024;
constexpr size_t kMostSamples = 20;
constexpr size_t kKeptComparisons = 16;

uint64_t HashOf(const PartitionRef& partition) {
  return Hash64(partition.key, static_cast<uint64_t>(partition.token.value));
}
uint64_t HashOf(const PartitionRef& partition, bool is_static, ByteView row) {
  return Hash64(row, HashOf(partition) + (is_static ? 2 : 1));
}

}  // namespace

std::map<TableId, uint64_t> Shard::UselessSnapshots() const {
  std::map<TableId, uint64_t> useless;
  for (const auto& [table, snapshot] : snapshots_) {
    if (snapshot.useless) useless[table] = snapshot.attempt;
  }
  return useless;
}

bool Shard::UnderSnapshot(const TableId& table) const {
  const auto found = mark_.snapshots.find(table);
  return found != mark_.snapshots.end() && !found->second.done;
}

bool Shard::InGap(const TableSchema& table) const {
  for (const Gap& gap : mark_.gaps) {
    if (gap.table.empty() || gap.table == table.FullName()) return true;
  }
  return false;
}

// Tells the reconciler how far snapshots have come.
void Shard::ResumeSnapshots() {
  for (const auto& [table, snapshot] : mark_.snapshots) {
    if (const TableSchema* schema = Newest(table)) {
      reconciler_.ResumeSnapshot(*schema, {.next = snapshot.next, .known = snapshot.known, .deletion = {}});
    }
  }
}

// The table is not captured any more. What is written to it meanwhile is in no log: should it be captured again, what a
// snapshot said before no longer holds of rows that are not in the state.
void Shard::ForgetSnapshot(const TableId& table) {
  if (const auto snapshot = snapshots_.find(table); snapshot != snapshots_.end()) snapshot->second.useless = true;
  const auto place = mark_.snapshots.find(table);
  if (place == mark_.snapshots.end() || place->second.known == place->second.next) return;
  place->second.known = place->second.next;
  reconciler_.ForgetCopies();
  ResumeSnapshots();
  news_ = true;
}

// Counts what a comparison finds.
class Shard::Differences : public DifferenceSink {
 public:
  explicit Differences(ComparisonStats* stats) : stats_(stats) {}

  Status Tell(Difference difference, const Change& repair) override {
    switch (difference) {
      case Difference::kMissing:
        ++stats_->missing;
        break;
      case Difference::kExtra:
        ++stats_->extra;
        break;
      case Difference::kStale:
        ++stats_->stale;
        break;
      case Difference::kDifferent:
        ++stats_->different;
        break;
    }
    if (stats_->samples.size() >= kMostSamples) return {};
    AppendEventJson(repair, {.pipeline = "", .version = "", .nodes = {}, .emitted_ms = {}},
                    &stats_->samples.emplace_back());
    return {};
  }

 private:
  ComparisonStats* const stats_;
};

// Goes on where a snapshot for the same task has come to, if there was one.
void Shard::BeginSnapshot(const TableId& table, const SnapshotNote& note) {
  const TableSchema* schema = Newest(table);
  if (schema == nullptr) return;
  const SnapshotCursor start = Reconciler::SnapshotFrom(*schema, note.token);
  Snapshot& snapshot = snapshots_.insert_or_assign(table, Snapshot(options_.touched_rows)).first->second;
  snapshot.attempt = note.attempt;
  snapshot.compares = note.compare;
  if (note.compare) {
    snapshot.loose = start;
    comparisons_[note.attempt] = {};
    while (comparisons_.size() > kKeptComparisons) comparisons_.erase(comparisons_.begin());
    return;
  }
  ShardMark::Snapshot& place = mark_.snapshots[table];
  if (place.task == note.task) return;
  place = {.task = note.task, .done = false, .next = start.next, .known = start.known};
  news_ = true;
}

Status Shard::TakeSnapshotPiece(const Message& message) {
  arena_.Reset();
  ASSIGN_OR_RETURN(const Transaction transaction, DecodeTransaction(message.bytes, *rooms_.schemas, &arena_));
  const SnapshotNote& note = message.snapshot;
  for (const Mutation& read : transaction.mutations) {
    Mutation piece = read;
    ASSIGN_OR_RETURN(const TableSchema* newest, WalkToNewest(read.schema->table_id));
    if (newest == nullptr) return {};
    piece.schema = newest;
    TRY(StepSnapshot(
        *newest, note, [&](SnapshotCursor* cursor, const SnapshotRules& rules, DifferenceSink* differences) {
          return differences == nullptr
                     ? reconciler_.TakeSnapshotPiece(cursor, piece, note.first, note.last, rules, kRowsPerStep, *this)
                     : reconciler_.CompareSnapshotPiece(cursor, piece, note.first, note.last, rules, kRowsPerStep,
                                                        *differences);
        }));
  }
  return {};
}

Status Shard::EndSnapshot(const TableId& table, const SnapshotNote& note) {
  ASSIGN_OR_RETURN(const TableSchema* schema, WalkToNewest(table));
  if (schema == nullptr) return {};
  TRY(StepSnapshot(*schema, note, [&](SnapshotCursor* cursor, const SnapshotRules& rules, DifferenceSink* differences) {
    return differences == nullptr
               ? reconciler_.EndSnapshotRange(*schema, cursor, note.token, rules, kRowsPerStep, *this)
               : reconciler_.CompareSnapshotRange(*schema, cursor, note.token, rules, kRowsPerStep, *differences);
  }));
  if (!note.done) return {};
  const auto snapshot = snapshots_.find(table);
  const bool counts = snapshot != snapshots_.end() && snapshot->second.attempt == note.attempt;
  if (note.compare) {
    if (!counts) return {};
    comparisons_[note.attempt].done = true;
    snapshots_.erase(snapshot);
    return {};
  }
  const auto place = mark_.snapshots.find(table);
  if (place == mark_.snapshots.end() || place->second.task != note.task) return {};
  // One that is given up is done too: nothing waits for it any more.
  if (!note.given_up && (!counts || snapshot->second.useless)) return {};
  place->second.done = true;
  // Nothing more of it counts, and what was touched need not be known.
  if (snapshot != snapshots_.end() && !snapshot->second.compares) snapshots_.erase(snapshot);
  news_ = snapshot_done_ = true;
  return {};
}

// Steps until there is no more to do, with commits between.
Status Shard::StepSnapshot(const TableSchema& schema, const SnapshotNote& note, const SnapshotStep& step) {
  const auto found = snapshots_.find(schema.table_id);
  if (found == snapshots_.end() || found->second.attempt != note.attempt || found->second.useless) return {};
  Snapshot& snapshot = found->second;
  if (!note.compare && !note.whole && !snapshot.loose.has_value()) {
    const ShardMark::Snapshot& place = mark_.snapshots[schema.table_id];
    snapshot.loose = {.next = place.next, .known = place.known, .deletion = snapshot.deletion};
  }
  const SnapshotRules rules{.whole = note.whole,
                            .repair = note.repair,
                            .touched =
                                [&](const PartitionRef& partition, const RowRef& row) {
                                  return snapshot.all_touched || snapshot.touched.Contains(HashOf(partition)) ||
                                         snapshot.touched.Contains(HashOf(partition, row.is_static, row.key));
                                },
                            .now = Clock()};
  const uint64_t rows_before = reconciler_.stats().snapshot_rows;
  in_snapshot_ = true;
  Status stepped = note.compare ? CompareSnapshot(note, &snapshot, rules, step)
                                : MergeSnapshot(schema.table_id, &snapshot, rules, step);
  in_snapshot_ = false;
  if (note.compare) {
    ComparisonStats& stats = comparisons_[note.attempt];
    stats.rows += reconciler_.stats().snapshot_rows - rows_before;
    stats.in_motion = snapshot.all_touched;
  }
  return stepped;
}

Status Shard::CompareSnapshot(const SnapshotNote& note, Snapshot* snapshot, const SnapshotRules& rules,
                              const SnapshotStep& step) {
  Differences differences(&comparisons_[note.attempt]);
  bool more = true;
  while (more) {
    ASSIGN_OR_RETURN(more, step(&*snapshot->loose, rules, &differences));
  }
  return {};
}

Status Shard::MergeSnapshot(const TableId& table, Snapshot* snapshot, const SnapshotRules& rules,
                            const SnapshotStep& step) {
  ShardMark::Snapshot& place = mark_.snapshots[table];
  bool more = true;
  while (more) {
    SnapshotCursor cursor{.next = place.next, .known = place.known, .deletion = snapshot->deletion};
    if (snapshot->loose.has_value()) cursor = *snapshot->loose;
    ASSIGN_OR_RETURN(more, step(&cursor, rules, nullptr));
    if (snapshot->loose.has_value()) {
      snapshot->loose = cursor;
    } else {
      snapshot->deletion = cursor.deletion;
      place.next = cursor.next;
      place.known = cursor.known;
    }
    news_ = true;
    TRY(CommitIfLarge());
  }
  return {};
}

void Shard::NoteTouched(const Mutation& mutation) {
  const auto found = snapshots_.find(mutation.schema->table_id);
  if (found == snapshots_.end() || found->second.useless || found->second.all_touched) return;
  Snapshot& snapshot = found->second;
  if (!snapshot.compares && !UnderSnapshot(mutation.schema->table_id)) return;
  const PartitionRef partition{mutation.schema->table_id, mutation.token, mutation.partition_key};
  if (!mutation.partition_deletion.live() || !mutation.ranges.empty()) snapshot.touched.Add(HashOf(partition));
  if (mutation.static_row != nullptr) snapshot.touched.Add(HashOf(partition, true, {}));
  for (const RowUpdate& row : mutation.rows) snapshot.touched.Add(HashOf(partition, false, row.key));
  if (!snapshot.touched.overflown()) return;
  (snapshot.compares ? snapshot.all_touched : snapshot.useless) = true;
  snapshot.touched.Clear();
}

}  // namespace braid
