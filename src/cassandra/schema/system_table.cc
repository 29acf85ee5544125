#include "cassandra/schema/system_table.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "cassandra/sstable/directory.h"
#include "cassandra/sstable/scan.h"
#include "model/key.h"

namespace braid {

Status SystemTable::AddDirectory(const std::string& directory) {
  ASSIGN_OR_RETURN(const std::vector<Descriptor> descriptors, ListSstables(directory));
  for (const Descriptor& descriptor : descriptors) TRY(Add(descriptor));
  return {};
}

Status SystemTable::Add(const Descriptor& descriptor) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Sstable> sstable, Sstable::Open(descriptor));
  return Add(sstable.get());
}

Status SystemTable::Add(Sstable* sstable) {
  // The file describes itself: definitions of system tables differ between versions of Cassandra.
  const TableSchemaPtr schema = SchemaOfHeader(sstable->header(), "system", "?", TableId{}, {});
  ScanOptions options;
  for (const Column& column : schema->columns) {
    if (column.multi_cell()) options.excluded.push_back(column.id);
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<SstableScanner> scanner, SstableScanner::Open(sstable, schema, options));
  for (;;) {
    ASSIGN_OR_RETURN(const SstablePiece* const piece, scanner->Next());
    if (piece == nullptr) return {};
    Merge(*schema, piece->mutation);
  }
}

void SystemTable::Merge(const TableSchema& schema, const Mutation& piece) {
  Partition& partition = partitions_[std::string(piece.partition_key)];
  partition.deletion = std::max(partition.deletion, piece.partition_deletion.at);
  for (const RangeDeletion& range : piece.ranges) {
    Range added{.start = std::string(range.start.cut), .end = std::string(range.end.cut), .at = range.deletion.at};
    std::vector<Range>& ranges = partition.ranges;
    if (std::find(ranges.begin(), ranges.end(), added) == ranges.end()) ranges.push_back(std::move(added));
  }
  for (const RowUpdate& update : piece.rows) {
    RowState& row = partition.rows[std::string(update.key)];
    row.clustering = update.clustering;
    row.liveness = std::max(row.liveness, update.liveness.at);
    row.deletion = std::max(row.deletion, update.deletion.at);
    for (const Cell& cell : update.cells) {
      const CellState state{
          .at = cell.at, .kind = cell.kind, .local_deletion = cell.local_deletion, .value = std::string(cell.value)};
      CellState& best = row.cells[schema.column(cell.column).name];
      // Time, then tombstone before expiring before plain, then the later expiry, then the greater value.
      best = std::max(best, state);
    }
  }
}

bool SystemTable::MakeLive(const Partition& partition, const std::string& key, const RowState& row, SystemRow* live) {
  WriteTime deleted = std::max(partition.deletion, row.deletion);
  for (const Range& range : partition.ranges) {
    if (range.start <= key && key < range.end) deleted = std::max(deleted, range.at);
  }
  for (const auto& [column, cell] : row.cells) {
    if (cell.at <= deleted || cell.kind == CellKind::kTombstone) continue;
    live->values.emplace(column, cell.value);
    live->newest = std::max(live->newest, cell.at);
  }
  if (row.liveness > deleted) live->newest = std::max(live->newest, row.liveness);
  return !live->newest.none();
}

Result<std::vector<SystemRow>> SystemTable::LiveRows() const {
  std::vector<SystemRow> rows;
  for (const auto& [partition_key, partition] : partitions_) {
    for (const auto& [key, row] : partition.rows) {
      SystemRow live;
      if (!MakeLive(partition, key, row, &live)) continue;
      live.key.push_back(partition_key);
      ClusteringReader clustering(row.clustering);
      while (const std::optional<ClusteringReader::Value> value = clustering.Next()) {
        live.key.emplace_back(value->bytes);
      }
      TRY(clustering.status());
      rows.push_back(std::move(live));
    }
  }
  return rows;
}

WriteTime SystemTable::DeletedAt(std::string_view partition_key, std::string_view clustering) const {
  const auto found = partitions_.find(std::string(partition_key));
  if (found == partitions_.end()) return {};
  WriteTime deleted = found->second.deletion;
  for (const auto& [key, row] : found->second.rows) {
    ClusteringReader values(row.clustering);
    const std::optional<ClusteringReader::Value> value = values.Next();
    if (value.has_value() && value->bytes == clustering) deleted = std::max(deleted, row.deletion);
  }
  return deleted;
}

}  // namespace braid
