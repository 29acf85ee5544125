#include "capture/truncation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/cursor.h"
#include "cassandra/sstable/directory.h"
#include "cassandra/sstable/scan.h"

namespace braid {
namespace {

constexpr std::string_view kColumn = "truncated_at";

// One element of the map: the table's id, and segment, offset and milliseconds.
Result<Truncation> ReadRecord(const Cell& cell, NodeIndex node) {
  Truncation truncation;
  if (cell.path.size() != truncation.table.bytes.size()) {
    return Corrupt(fmt::format("system.local: truncated_at has a key of {} bytes, not a table's id", cell.path.size()));
  }
  truncation.table = TableId::FromBytes(cell.path);
  Cursor from(cell.value);
  truncation.node = node;
  truncation.cut.node = node;
  truncation.cut.segment = {from.I64()};
  const int32_t offset = from.I32();
  const int64_t milliseconds = from.I64();
  int64_t microseconds = 0;
  if (!from.ok() || !from.AtEnd() || offset < 0 || __builtin_mul_overflow(milliseconds, int64_t{1000}, &microseconds)) {
    return Corrupt(fmt::format("system.local: the truncation of table {} is {} bytes that make no sense",
                               truncation.table.ToString(), cell.value.size()));
  }
  truncation.cut.offset = static_cast<uint64_t>(offset);
  truncation.at = {microseconds};
  return truncation;
}

// The newest cell of each element of the map.
struct Newest {
  WriteTime at;
  bool alive = false;
  Truncation truncation;
};

Status AddSstable(const Descriptor& descriptor, NodeIndex node, std::map<std::string, Newest>* newest) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Sstable> sstable, Sstable::Open(descriptor));
  const TableSchemaPtr schema = SchemaOfHeader(sstable->header(), "system", "local", SystemLocalId(), {});
  const Column* const column = schema->FindColumn(kColumn);
  if (column == nullptr) return {};
  ASSIGN_OR_RETURN(const std::unique_ptr<SstableScanner> scanner, SstableScanner::Open(sstable.get(), schema));
  for (;;) {
    ASSIGN_OR_RETURN(const SstablePiece* const piece, scanner->Next());
    if (piece == nullptr) return {};
    for (const RowUpdate& row : piece->mutation.rows) {
      for (const Cell& cell : row.cells) {
        if (cell.column != column->id) continue;
        Newest& known = (*newest)[std::string(cell.path)];
        const bool alive = cell.kind != CellKind::kTombstone;
        if (cell.at < known.at || (cell.at == known.at && !known.alive)) continue;
        known = {.at = cell.at, .alive = alive, .truncation = {}};
        if (!alive) continue;
        Result<Truncation> truncation = ReadRecord(cell, node);
        if (!truncation.has_value()) return truncation.error().At(sstable->name());
        known.truncation = *truncation;
      }
    }
  }
}

}  // namespace

const TableId& SystemLocalId() {
  static const TableId kId = {
      {0x7A, 0xD5, 0x43, 0x92, 0xBC, 0xDD, 0x35, 0xA6, 0x84, 0x17, 0x4E, 0x04, 0x78, 0x60, 0xB3, 0x77}};
  return kId;
}

Result<std::vector<Truncation>> ReadTruncations(const Mutation& of_system_local, const Position& seen_at) {
  std::vector<Truncation> truncations;
  const Column* const column = of_system_local.schema->FindColumn(kColumn);
  if (column == nullptr || of_system_local.schema->table_id != SystemLocalId()) return truncations;
  for (const RowUpdate& row : of_system_local.rows) {
    for (const Cell& cell : row.cells) {
      // DROP of a table takes its record away.
      if (cell.column != column->id || cell.kind == CellKind::kTombstone) continue;
      ASSIGN_OR_RETURN(Truncation truncation, ReadRecord(cell, seen_at.node));
      truncation.seen_at = seen_at;
      truncations.push_back(truncation);
    }
  }
  return truncations;
}

Result<std::vector<Truncation>> ReadTruncationsOnDisk(const std::vector<std::string>& data_directories,
                                                      NodeIndex node) {
  std::map<std::string, Newest> newest;
  for (const std::string& data : data_directories) {
    const Result<std::vector<TableDirectory>> tables = ListTableDirectories(data + "/system");
    if (!tables.has_value() && tables.error().code == ErrorCode::kNotFound) continue;
    TRY(tables);
    for (const TableDirectory& table : *tables) {
      if (table.id != SystemLocalId()) continue;
      ASSIGN_OR_RETURN(const std::vector<Descriptor> sstables, ListSstables(table.path));
      for (const Descriptor& sstable : sstables) TRY(AddSstable(sstable, node, &newest));
    }
  }
  std::vector<Truncation> truncations;
  for (const auto& [path, known] : newest) {
    if (known.alive) truncations.push_back(known.truncation);
  }
  return truncations;
}

}  // namespace braid
