#include "codec/parts.h"

#include <cstring>
#include <limits>

#include "base/check.h"

namespace braid::codec {
namespace {

// A cell's head byte.
constexpr uint8_t kCellKindBits = 3;
constexpr uint8_t kCellSameTime = 4;     // as the cell before; of the first cell: as the base
constexpr uint8_t kCellNextColumn = 8;   // the column after the one before; of the first cell: column 0
constexpr uint8_t kCellMulti = 16;       // begins a multi-cell column: cells have paths, and their number follows
constexpr uint8_t kCellEmpty = 32;       // no value
constexpr uint8_t kCellSameExpiry = 64;  // TTL and expiry as of the expiring cell before; of the first: the liveness's
constexpr uint8_t kCellBits = 127;

// Of a multi-cell column's cells but the first.
constexpr uint8_t kInnerCellBits = kCellBits & ~(kCellNextColumn | kCellMulti);

uint64_t Difference(int64_t a, int64_t b) {
  return ZigZag(static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b)));
}
int64_t Sum(int64_t base, int64_t difference) {
  return static_cast<int64_t>(static_cast<uint64_t>(base) + static_cast<uint64_t>(difference));
}

// The second in which a write was made by its own account: local deletion times are near it.
int64_t SecondOf(WriteTime time) {
  const int64_t s = time.us / 1'000'000;
  return time.us % 1'000'000 < 0 ? s - 1 : s;
}

int64_t ExpectedExpiry(WriteTime written, int32_t ttl_s) {
  return Sum(SecondOf(written), ttl_s);
}

// Everything of a cell but its path and value, of which a cell in a row has at most this much:
// head, column, group size, time, TTL, expiry.
class CellHead {
 public:
  void Byte(uint8_t value) { bytes_[size_++] = static_cast<char>(value); }
  void Vint(uint64_t value) { size_ += StoreVint(bytes_ + size_, value); }
  ByteView view() const { return {bytes_, size_}; }

 private:
  char bytes_[7 * kMaxVintBytes];
  size_t size_ = 0;
};

struct Expiry {
  int32_t ttl_s = 0;
  UnixSeconds expires;
  bool operator==(const Expiry&) const = default;
};

// What the cells before leave for the next one to refer to; the same walk when writing and reading.
struct CellContext {
  WriteTime time;
  Expiry expiry;
  int32_t column = -1;  // -1: none yet
};

size_t GroupSize(std::span<const Cell> cells, size_t first) {
  size_t end = first + 1;
  while (end < cells.size() && cells[end].column == cells[first].column) ++end;
  return end - first;
}

// `group` is the number of cells of the column if `cell` begins a multi-cell one, else 0.
void AppendCell(std::string* to, const Cell& cell, bool begins_column, bool multi, size_t group, CellContext* context) {
  uint8_t head = static_cast<uint8_t>(cell.kind);
  const int32_t column = cell.column.value;
  if (cell.at == context->time) head |= kCellSameTime;
  if (begins_column && column == context->column + 1) head |= kCellNextColumn;
  if (group > 0) head |= kCellMulti;
  if (cell.value.empty()) head |= kCellEmpty;
  const Expiry expiry{cell.ttl_s, cell.local_deletion};
  if (cell.kind == CellKind::kExpiring && expiry == context->expiry) head |= kCellSameExpiry;

  CellHead out;
  out.Byte(head);
  if (begins_column && (head & kCellNextColumn) == 0) out.Vint(static_cast<uint64_t>(column - context->column - 1));
  if (group > 0) out.Vint(group);
  if ((head & kCellSameTime) == 0) out.Vint(Difference(cell.at.us, context->time.us));
  if (cell.kind == CellKind::kTombstone) {
    out.Vint(Difference(cell.local_deletion.s, SecondOf(cell.at)));
  } else if (cell.kind == CellKind::kExpiring && (head & kCellSameExpiry) == 0) {
    out.Vint(static_cast<uint32_t>(cell.ttl_s));
    out.Vint(Difference(cell.local_deletion.s, ExpectedExpiry(cell.at, cell.ttl_s)));
  }
  if (multi) {
    out.Vint(cell.path.size());
    to->append(out.view());
    to->append(cell.path);
    if (!cell.value.empty()) AppendVintBytes(to, cell.value);
  } else {
    if (!cell.value.empty()) out.Vint(cell.value.size());
    to->append(out.view());
    to->append(cell.value);
  }
  context->time = cell.at;
  if (cell.kind == CellKind::kExpiring) context->expiry = expiry;
  context->column = column;
}

void AppendCells(std::string* to, CellContext context, std::span<const Cell> cells) {
  AppendVint(to, cells.size());
  for (size_t i = 0; i < cells.size();) {
    CHECK(cells[i].column.value > context.column);
    const size_t group = GroupSize(cells, i);
    const bool multi = group > 1 || !cells[i].path.empty();
    AppendCell(to, cells[i], true, multi, multi ? group : 0, &context);
    for (size_t k = 1; k < group; ++k) AppendCell(to, cells[i + k], false, true, 0, &context);
    i += group;
  }
}

// What every cell has after its column and group.
void ReadCellBody(Cursor* from, uint8_t head, bool multi, CellContext* context, Cell* cell) {
  if ((head & kCellKindBits) > static_cast<uint8_t>(CellKind::kTombstone)) from->Fail("there is no such kind of cell");
  cell->kind = static_cast<CellKind>(head & kCellKindBits);
  cell->column = ColumnId{static_cast<uint16_t>(context->column)};
  if ((head & kCellSameTime) == 0) context->time = ReadTime(from, context->time);
  cell->at = context->time;
  if (cell->kind == CellKind::kTombstone) {
    cell->local_deletion = ReadSecond(from, cell->at);
  } else if (cell->kind == CellKind::kExpiring) {
    if ((head & kCellSameExpiry) == 0) {
      const uint64_t ttl = from->Vint();
      if (ttl > std::numeric_limits<uint32_t>::max()) from->Fail("a TTL is too large");
      context->expiry.ttl_s = static_cast<int32_t>(static_cast<uint32_t>(ttl));
      context->expiry.expires = UnixSeconds{Sum(ExpectedExpiry(cell->at, context->expiry.ttl_s), from->SignedVint())};
    }
    cell->ttl_s = context->expiry.ttl_s;
    cell->local_deletion = context->expiry.expires;
  }
  if (multi) cell->path = from->VintBytes();
  if ((head & kCellEmpty) == 0) cell->value = from->VintBytes();
}

std::span<const Cell> ReadCells(Cursor* from, CellContext context, uint32_t column_limit, Arena* arena) {
  const size_t count = ReadCount(from, 1);
  if (count == 0) return {};
  const std::span<Cell> cells = arena->NewArray<Cell>(count);
  for (size_t i = 0; i < count && from->ok();) {
    const uint8_t head = from->U8();
    if ((head & ~kCellBits) != 0) from->Fail("a cell has unknown flags");
    const uint64_t skipped = (head & kCellNextColumn) != 0 ? 0 : from->Vint();
    const uint64_t room = column_limit - static_cast<uint32_t>(context.column + 1);
    if (skipped >= room) {
      from->Fail("a cell is of a column that the table does not have");
      break;
    }
    context.column += 1 + static_cast<int32_t>(skipped);
    const bool multi = (head & kCellMulti) != 0;
    const uint64_t group = multi ? from->Vint() : 1;
    if (group == 0 || group > count - i) {
      from->Fail("a column has too many cells, or none");
      break;
    }
    ReadCellBody(from, head, multi, &context, &cells[i++]);
    for (uint64_t k = 1; k < group && from->ok(); ++k) {
      const uint8_t inner = from->U8();
      if ((inner & ~kInnerCellBits) != 0) from->Fail("a cell has unknown flags");
      ReadCellBody(from, inner, true, &context, &cells[i++]);
    }
  }
  return cells;
}

void AppendComplexDeletions(std::string* to, WriteTime base, std::span<const ComplexDeletion> deletions) {
  AppendVint(to, deletions.size());
  int32_t previous = -1;
  for (const ComplexDeletion& deletion : deletions) {
    CHECK(deletion.column.value > previous);
    AppendVint(to, static_cast<uint64_t>(deletion.column.value - previous - 1));
    AppendDeletion(to, base, deletion.deletion);
    previous = deletion.column.value;
  }
}

// The id that is `skipped` + 1 after `previous`, or a failure.
ColumnId NextColumn(Cursor* from, int32_t previous, uint32_t column_limit) {
  const uint64_t skipped = from->Vint();
  if (skipped >= column_limit - static_cast<uint32_t>(previous + 1)) {
    from->Fail("there is no such column");
    return {};
  }
  return ColumnId{static_cast<uint16_t>(previous + 1 + static_cast<int32_t>(skipped))};
}

std::span<const ComplexDeletion> ReadComplexDeletions(Cursor* from, WriteTime base, uint32_t column_limit,
                                                      Arena* arena) {
  const size_t count = ReadCount(from, 3);
  const std::span<ComplexDeletion> deletions = arena->NewArray<ComplexDeletion>(count);
  int32_t previous = -1;
  for (ComplexDeletion& deletion : deletions) {
    deletion.column = NextColumn(from, previous, column_limit);
    deletion.deletion = ReadDeletion(from, base);
    if (!from->ok()) break;
    previous = deletion.column.value;
  }
  return deletions;
}

}  // namespace

WriteTime FirstTime(const RowParts& parts) {
  if (!parts.liveness.none()) return parts.liveness.at;
  if (!parts.cells.empty()) return parts.cells.front().at;
  if (!parts.deletion.live()) return parts.deletion.at;
  if (!parts.complex_deletions.empty()) return parts.complex_deletions.front().deletion.at;
  return WriteTime::None();
}

uint8_t RowFlags(const RowParts& parts) {
  uint8_t flags = 0;
  if (!parts.liveness.none()) {
    flags |= kRowLiveness;
    if (parts.liveness.ttl_s != 0 || !parts.liveness.expires.never()) flags |= kRowExpires;
  }
  if (!parts.deletion.live()) flags |= kRowDeletion;
  if (!parts.complex_deletions.empty()) flags |= kRowComplexDeletions;
  return flags;
}

void AppendRowParts(std::string* to, WriteTime base, const RowParts& parts) {
  const uint8_t flags = RowFlags(parts);
  CellContext context{.time = base, .expiry = {}, .column = -1};
  if ((flags & kRowLiveness) != 0) AppendTime(to, base, parts.liveness.at);
  if ((flags & kRowExpires) != 0) {
    AppendVint(to, static_cast<uint32_t>(parts.liveness.ttl_s));
    AppendVint(to, Difference(parts.liveness.expires.s, ExpectedExpiry(parts.liveness.at, parts.liveness.ttl_s)));
    context.expiry = {parts.liveness.ttl_s, parts.liveness.expires};
  }
  if ((flags & kRowDeletion) != 0) AppendDeletion(to, base, parts.deletion);
  if ((flags & kRowComplexDeletions) != 0) AppendComplexDeletions(to, base, parts.complex_deletions);
  AppendCells(to, context, parts.cells);
}

RowParts ReadRowParts(Cursor* from, WriteTime base, uint8_t flags, uint32_t column_limit, Arena* arena) {
  RowParts parts;
  CellContext context{.time = base, .expiry = {}, .column = -1};
  if ((flags & kRowExpires) != 0 && (flags & kRowLiveness) == 0) from->Fail("a row without a marker expires");
  if ((flags & kRowLiveness) != 0) parts.liveness.at = ReadTime(from, base);
  if ((flags & kRowExpires) != 0) {
    const uint64_t ttl = from->Vint();
    if (ttl > std::numeric_limits<uint32_t>::max()) from->Fail("a TTL is too large");
    parts.liveness.ttl_s = static_cast<int32_t>(static_cast<uint32_t>(ttl));
    parts.liveness.expires =
        UnixSeconds{Sum(ExpectedExpiry(parts.liveness.at, parts.liveness.ttl_s), from->SignedVint())};
    context.expiry = {parts.liveness.ttl_s, parts.liveness.expires};
  }
  if ((flags & kRowDeletion) != 0) parts.deletion = ReadDeletion(from, base);
  if ((flags & kRowComplexDeletions) != 0) {
    parts.complex_deletions = ReadComplexDeletions(from, base, column_limit, arena);
  }
  parts.cells = ReadCells(from, context, column_limit, arena);
  return parts;
}

void AppendTime(std::string* to, WriteTime base, WriteTime time) {
  AppendVint(to, Difference(time.us, base.us));
}

WriteTime ReadTime(Cursor* from, WriteTime base) {
  return WriteTime{Sum(base.us, from->SignedVint())};
}

void AppendSecond(std::string* to, WriteTime time, UnixSeconds second) {
  AppendVint(to, Difference(second.s, SecondOf(time)));
}

UnixSeconds ReadSecond(Cursor* from, WriteTime time) {
  return UnixSeconds{Sum(SecondOf(time), from->SignedVint())};
}

void AppendDeletion(std::string* to, WriteTime base, const Deletion& deletion) {
  AppendTime(to, base, deletion.at);
  AppendSecond(to, deletion.at, deletion.local);
}

Deletion ReadDeletion(Cursor* from, WriteTime base) {
  Deletion deletion;
  deletion.at = ReadTime(from, base);
  deletion.local = ReadSecond(from, deletion.at);
  return deletion;
}

void AppendBound(std::string* to, const Bound& bound) {
  AppendVintBytes(to, bound.cut);
  AppendVintBytes(to, bound.values);
  AppendVint(to, (static_cast<uint64_t>(bound.size) << 1) | (bound.inclusive ? 1 : 0));
}

Bound ReadBound(Cursor* from) {
  Bound bound;
  bound.cut = from->VintBytes();
  bound.values = from->VintBytes();
  const uint64_t size = from->Vint();
  if ((size >> 1) > std::numeric_limits<uint16_t>::max()) from->Fail("a bound has too many values");
  bound.size = static_cast<uint16_t>(size >> 1);
  bound.inclusive = (size & 1) != 0;
  return bound;
}

void AppendRanges(std::string* to, WriteTime base, std::span<const RangeDeletion> ranges) {
  AppendVint(to, ranges.size());
  for (const RangeDeletion& range : ranges) {
    AppendBound(to, range.start);
    AppendBound(to, range.end);
    AppendDeletion(to, base, range.deletion);
  }
}

std::span<const RangeDeletion> ReadRanges(Cursor* from, WriteTime base, Arena* arena) {
  const std::span<RangeDeletion> ranges = arena->NewArray<RangeDeletion>(ReadCount(from, 8));
  for (RangeDeletion& range : ranges) {
    range.start = ReadBound(from);
    range.end = ReadBound(from);
    range.deletion = ReadDeletion(from, base);
    if (!from->ok()) break;
  }
  return ranges;
}

void AppendPosition(std::string* to, const Position& position) {
  AppendVint(to, position.node.value);
  AppendSignedVint(to, position.segment.value);
  AppendVint(to, position.offset);
}

Position ReadPosition(Cursor* from) {
  Position position;
  const uint64_t node = from->Vint();
  if (node > std::numeric_limits<uint16_t>::max()) from->Fail("a node's index is too large");
  position.node = NodeIndex{static_cast<uint16_t>(node)};
  position.segment = SegmentId{from->SignedVint()};
  position.offset = from->Vint();
  return position;
}

void AppendColumnIds(std::string* to, std::span<const ColumnId> ids) {
  AppendVint(to, ids.size());
  int32_t previous = -1;
  for (const ColumnId id : ids) {
    CHECK(id.value > previous);
    AppendVint(to, static_cast<uint64_t>(id.value - previous - 1));
    previous = id.value;
  }
}

std::span<const ColumnId> ReadColumnIds(Cursor* from, uint32_t column_limit, Arena* arena) {
  const std::span<ColumnId> ids = arena->NewArray<ColumnId>(ReadCount(from, 1));
  int32_t previous = -1;
  for (ColumnId& id : ids) {
    id = NextColumn(from, previous, column_limit);
    if (!from->ok()) break;
    previous = id.value;
  }
  return ids;
}

}  // namespace braid::codec
