// Of shard.h: what becomes of a table's snapshot, while live writes go on.
#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/checksum.h"
#include "codec/mutation.h"
#include "pipeline/run/shard.h"

namespace braid {
namespace {

// Rows that are held against a snapshot in one step.
constexpr size_t kRowsPerStep = 1024;

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

// Goes on where a snapshot for the same task has come to, if there was one.
void Shard::BeginSnapshot(const TableId& table, const SnapshotNote& note) {
  const TableSchema* schema = Newest(table);
  if (schema == nullptr) return;
  ShardMark::Snapshot& place = mark_.snapshots[table];
  if (place.task != note.task) {
    const SnapshotCursor cursor = Reconciler::SnapshotFrom(*schema, note.token);
    place = {.task = note.task, .done = false, .next = cursor.next, .known = cursor.known};
    news_ = true;
  }
  snapshots_[table] = {.attempt = note.attempt, .useless = false, .deletion = {}, .loose = {}, .touched = {}};
}

Status Shard::TakeSnapshotPiece(const Message& message) {
  arena_.Reset();
  ASSIGN_OR_RETURN(const Transaction transaction, DecodeTransaction(message.bytes, *rooms_.schemas, &arena_));
  for (const Mutation& read : transaction.mutations) {
    Mutation piece = read;
    const TableSchema* newest = Newest(read.schema->table_id);
    if (newest == nullptr) return {};
    piece.schema = newest;
    const SnapshotNote& note = message.snapshot;
    TRY(StepSnapshot(*newest, note, [&](SnapshotCursor* cursor, const SnapshotRules& rules) {
      return reconciler_.TakeSnapshotPiece(cursor, piece, note.first, note.last, rules, kRowsPerStep, *this);
    }));
  }
  return {};
}

Status Shard::EndSnapshot(const TableId& table, const SnapshotNote& note) {
  const TableSchema* schema = Newest(table);
  if (schema == nullptr) return {};
  TRY(StepSnapshot(*schema, note, [&](SnapshotCursor* cursor, const SnapshotRules& rules) {
    return reconciler_.EndSnapshotRange(*schema, cursor, note.token, rules, kRowsPerStep, *this);
  }));
  const auto place = mark_.snapshots.find(table);
  if (!note.done || place == mark_.snapshots.end() || place->second.task != note.task) return {};
  const auto snapshot = snapshots_.find(table);
  const bool counts = snapshot != snapshots_.end() && snapshot->second.attempt == note.attempt;
  // One that is given up is done too: nothing waits for it any more.
  if (!note.given_up && (!counts || snapshot->second.useless)) return {};
  place->second.done = true;
  news_ = snapshot_done_ = true;
  return {};
}

// Steps until there is no more to do, with commits between.
Status Shard::StepSnapshot(const TableSchema& schema, const SnapshotNote& note,
                           const std::function<Result<bool>(SnapshotCursor*, const SnapshotRules&)>& step) {
  const auto found = snapshots_.find(schema.table_id);
  if (found == snapshots_.end() || found->second.attempt != note.attempt || found->second.useless) return {};
  Snapshot& snapshot = found->second;
  ShardMark::Snapshot& place = mark_.snapshots[schema.table_id];
  SnapshotCursor cursor{.next = place.next, .known = place.known, .deletion = snapshot.deletion};
  if (!note.whole && !snapshot.loose.has_value()) snapshot.loose = cursor;
  if (snapshot.loose.has_value()) cursor = *snapshot.loose;
  const SnapshotRules rules{.whole = note.whole,
                            .repair = note.repair,
                            .touched =
                                [&](const PartitionRef& partition, const RowRef& row) {
                                  return snapshot.touched.contains(HashOf(partition)) ||
                                         snapshot.touched.contains(HashOf(partition, row.is_static, row.key));
                                },
                            .now = Clock()};
  in_snapshot_ = true;
  Result<bool> more = true;
  Status committed;
  while (more.has_value() && *more && committed.has_value()) {
    more = step(&cursor, rules);
    if (snapshot.loose.has_value()) {
      snapshot.loose = cursor;
    } else {
      snapshot.deletion = cursor.deletion;
      place.next = cursor.next;
      place.known = cursor.known;
    }
    news_ = true;
    if (more.has_value()) committed = CommitIfLarge();
  }
  in_snapshot_ = false;
  TRY(committed);
  return more.has_value() ? Status() : Status(more.error());
}

void Shard::NoteTouched(const Mutation& mutation) {
  const auto found = snapshots_.find(mutation.schema->table_id);
  if (found == snapshots_.end() || found->second.useless || !UnderSnapshot(mutation.schema->table_id)) return;
  Snapshot& snapshot = found->second;
  const PartitionRef partition{mutation.schema->table_id, mutation.token, mutation.partition_key};
  if (!mutation.partition_deletion.live() || !mutation.ranges.empty()) snapshot.touched.insert(HashOf(partition));
  if (mutation.static_row != nullptr) snapshot.touched.insert(HashOf(partition, true, {}));
  for (const RowUpdate& row : mutation.rows) snapshot.touched.insert(HashOf(partition, false, row.key));
  if (snapshot.touched.size() <= options_.touched_rows) return;
  snapshot.useless = true;
  snapshot.touched.clear();
}

}  // namespace braid
