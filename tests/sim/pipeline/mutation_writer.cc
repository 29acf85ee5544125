#include "sim/pipeline/mutation_writer.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/check.h"
#include "base/cursor.h"
#include "cassandra/rows/rows_test_util.h"

namespace braid::sim {
namespace {

constexpr uint8_t kEndOfPartition = 1;
constexpr uint8_t kIsMarker = 2;
constexpr uint8_t kHasTimestamp = 4;
constexpr uint8_t kHasTtl = 8;
constexpr uint8_t kHasDeletion = 16;
constexpr uint8_t kHasAllColumns = 32;
constexpr uint8_t kHasComplexDeletion = 64;
constexpr uint8_t kExtension = 128;

// The 32-bit local time that says never.
constexpr int64_t kNever = std::numeric_limits<int32_t>::max();

class Writer {
 public:
  explicit Writer(const Mutation& mutation) : mutation_(mutation), schema_(*mutation.schema) {}

  std::string Write() {
    const bool has_static = mutation_.static_row != nullptr;
    const bool has_deletion = !mutation_.partition_deletion.live();
    out_.Vint(1).Raw(schema_.table_id.view()).Text(mutation_.partition_key);
    out_.U8((has_deletion ? 4 : 0) | (has_static ? 8 : 0));
    out_.Stats(kStatsEpochUs);
    if (has_static) WriteColumns({mutation_.static_row, 1}, &statics_);
    WriteColumns(mutation_.rows, &regulars_);
    if (has_deletion) WriteDeletion(mutation_.partition_deletion);
    if (has_static) WriteRow(*mutation_.static_row, statics_, /*is_static=*/true);
    WriteBody();
    out_.U8(kEndOfPartition);
    return out_.bytes();
  }

 private:
  void Time(WriteTime at) { out_.Vint(static_cast<uint64_t>(at.us) - static_cast<uint64_t>(kStatsEpochUs)); }
  void Local(UnixSeconds local) {
    const int64_t s = local.never() ? kNever : local.s;
    out_.Vint(static_cast<uint64_t>(s) - static_cast<uint64_t>(kStatsEpochS));
  }
  void WriteDeletion(const Deletion& deletion) {
    Time(deletion.at);
    Local(deletion.local);
  }

  // The columns that any of `rows` has something of, in the order in which Cassandra writes them.
  void WriteColumns(std::span<const RowUpdate> rows, std::vector<ColumnId>* columns) {
    for (const RowUpdate& row : rows) {
      for (const Cell& cell : row.cells) columns->push_back(cell.column);
      for (const ComplexDeletion& complex : row.complex_deletions) columns->push_back(complex.column);
    }
    std::ranges::sort(*columns, [&](ColumnId a, ColumnId b) {
      const Column& x = schema_.column(a);
      const Column& y = schema_.column(b);
      return std::pair(x.multi_cell(), x.name) < std::pair(y.multi_cell(), y.name);
    });
    const auto repeated = std::ranges::unique(*columns);
    columns->erase(repeated.begin(), repeated.end());
    std::vector<std::string> names;
    for (const ColumnId id : *columns) names.push_back(schema_.column(id).name);
    out_.Columns(names);
  }

  // Rows and markers in clustering order.
  void WriteBody() {
    size_t row = 0;
    for (const RangeDeletion& range : mutation_.ranges) {
      if (!(range.start.cut < range.end.cut)) continue;  // CQL would not have it
      while (row < mutation_.rows.size() && mutation_.rows[row].key < range.start.cut) {
        WriteRow(mutation_.rows[row++], regulars_, false);
      }
      CHECK(row == mutation_.rows.size() || mutation_.rows[row].key >= range.end.cut);
      const bool from_edge = range.start.size == 0;
      const bool to_edge = range.end.size == 0;
      WriteMarker(from_edge || range.start.inclusive ? 1 : 7, range.start, range.deletion);
      WriteMarker(to_edge || range.end.inclusive ? 6 : 0, range.end, range.deletion);
    }
    while (row < mutation_.rows.size()) WriteRow(mutation_.rows[row++], regulars_, false);
  }

  void WriteMarker(uint8_t kind, const Bound& bound, const Deletion& deletion) {
    out_.U8(kIsMarker).U8(kind).U16(bound.size);
    WriteClustering(bound.values, bound.size);
    WriteDeletion(deletion);
  }

  // Values as RowUpdate::clustering has them: none is null, and no more than 32.
  void WriteClustering(ByteView values, size_t count) {
    if (count == 0) return;
    std::vector<ByteView> parts;
    Cursor from(values);
    uint64_t header = 0;
    for (size_t i = 0; i < count; ++i) {
      parts.push_back(from.Bytes(from.Vint() - 1));
      if (parts.back().empty()) header |= uint64_t{1} << (2 * i);
    }
    CHECK(from.ok() && from.AtEnd());
    out_.Vint(header);
    for (size_t i = 0; i < count; ++i) {
      if (!parts[i].empty()) WriteValue(*schema_.column(schema_.clustering[i]).type, parts[i]);
    }
  }

  void WriteValue(const Type& type, ByteView value) {
    if (FixedLength(type) >= 0) {
      out_.Raw(value);
    } else {
      out_.Text(value);
    }
  }

  void WriteRow(const RowUpdate& row, const std::vector<ColumnId>& columns, bool is_static) {
    uint8_t flags = is_static ? kExtension : 0;
    if (!row.liveness.none()) flags |= kHasTimestamp;
    if (row.liveness.ttl_s != 0) flags |= kHasTtl;
    if (!row.deletion.live()) flags |= kHasDeletion;
    if (!row.complex_deletions.empty()) flags |= kHasComplexDeletion;
    uint64_t missing = 0;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (!Has(row, columns[i])) missing |= uint64_t{1} << i;
    }
    if (missing == 0) flags |= kHasAllColumns;
    out_.U8(flags);
    if (is_static) out_.U8(1);
    if (!is_static) WriteClustering(row.clustering, schema_.clustering.size());
    if (!row.liveness.none()) Time(row.liveness.at);
    if (row.liveness.ttl_s != 0) {
      out_.Vint(static_cast<uint64_t>(row.liveness.ttl_s));
      Local(row.liveness.expires);
    }
    if (!row.deletion.live()) WriteDeletion(row.deletion);
    if (missing != 0) out_.Vint(missing);
    for (const ColumnId id : columns) {
      if (Has(row, id)) WriteColumn(row, schema_.column(id));
    }
  }

  static bool Has(const RowUpdate& row, ColumnId id) {
    return std::ranges::any_of(row.cells, [&](const Cell& cell) { return cell.column == id; }) ||
           std::ranges::any_of(row.complex_deletions, [&](const auto& complex) { return complex.column == id; });
  }

  void WriteColumn(const RowUpdate& row, const Column& column) {
    std::vector<const Cell*> cells;
    for (const Cell& cell : row.cells) {
      if (cell.column == column.id) cells.push_back(&cell);
    }
    if (!column.multi_cell()) {
      CHECK(cells.size() == 1);
      return WriteCell(*cells.front(), column);
    }
    if (!row.complex_deletions.empty()) {
      Deletion deletion;
      for (const ComplexDeletion& complex : row.complex_deletions) {
        if (complex.column == column.id) deletion = complex.deletion;
      }
      WriteDeletion(deletion);
    }
    out_.Vint(cells.size());
    for (const Cell* cell : cells) WriteCell(*cell, column);
  }

  void WriteCell(const Cell& cell, const Column& column) {
    const bool dead = cell.kind == CellKind::kTombstone;
    const bool expires = cell.kind == CellKind::kExpiring;
    const bool empty = cell.value.empty();
    out_.U8((dead ? 1 : 0) | (expires ? 2 : 0) | (empty ? 4 : 0));
    Time(cell.at);
    if (dead || expires) Local(cell.local_deletion);
    if (expires) out_.Vint(static_cast<uint64_t>(cell.ttl_s));
    if (column.multi_cell()) out_.Text(cell.path);
    if (empty) return;
    if (column.multi_cell()) {
      out_.Text(cell.value);
    } else {
      WriteValue(*column.type, cell.value);
    }
  }

  const Mutation& mutation_;
  const TableSchema& schema_;
  std::vector<ColumnId> statics_;
  std::vector<ColumnId> regulars_;
  RowBytes out_;
};

}  // namespace

std::string CassandraBytes(const Mutation& mutation) {
  return Writer(mutation).Write();
}

}  // namespace braid::sim
