#include "cassandra/rows/row_reader.h"

#include <algorithm>
#include <memory>

namespace braid {

namespace {

// Of a row or marker.
constexpr uint8_t kEndOfPartition = 0x01;
constexpr uint8_t kIsMarker = 0x02;
constexpr uint8_t kHasTimestamp = 0x04;
constexpr uint8_t kHasTtl = 0x08;
constexpr uint8_t kHasDeletion = 0x10;
constexpr uint8_t kHasAllColumns = 0x20;
constexpr uint8_t kHasComplexDeletion = 0x40;
constexpr uint8_t kExtended = 0x80;
constexpr uint8_t kExtendedStatic = 0x01;
constexpr uint8_t kExtendedKnown = 0x03;  // the other is "shadowable", which only old materialized views have

// Of a cell.
constexpr uint8_t kCellDeleted = 0x01;
constexpr uint8_t kCellExpiring = 0x02;
constexpr uint8_t kCellEmpty = 0x04;
constexpr uint8_t kCellRowTimestamp = 0x08;
constexpr uint8_t kCellRowTtl = 0x10;
constexpr uint8_t kCellKnown = 0x1F;

// With fewer columns than this a subset is one bitmap.
constexpr size_t kLargeSubset = 64;

// What a cell may take from its row.
struct RowTimes {
  const EncodingStats& stats;
  DeletionTimes times;
  const Liveness& liveness;
};

// The rarer half of a cell's times: it is deleted or expires.
void ReadMortality(Cursor* from, uint8_t flags, const RowTimes& row, Cell* cell) {
  if ((flags & kCellRowTtl) != 0) {
    cell->local_deletion = row.liveness.expires;
    cell->ttl_s = row.liveness.ttl_s;
  } else {
    cell->local_deletion = row.stats.LocalDeletion(from->Vint(), row.times);
    if ((flags & kCellExpiring) != 0) cell->ttl_s = row.stats.Ttl(from->Vint());
  }
  // Cassandra goes by what it read, not by the flags.
  cell->kind = cell->ttl_s != 0               ? CellKind::kExpiring
               : cell->local_deletion.never() ? CellKind::kLive
                                              : CellKind::kTombstone;
}

// Reads one cell. False if it is to be left out. The innermost loop of decoding: worth a copy in each of its callers.
[[gnu::always_inline]] inline bool ReadCell(Cursor* from, const HeaderColumn& column, const RowTimes& row, Cell* cell) {
  const uint8_t flags = from->U8();
  cell->column = column.id;
  cell->at = (flags & kCellRowTimestamp) != 0 ? row.liveness.at : row.stats.Timestamp(from->Vint());
  if ((flags & (kCellDeleted | kCellExpiring | kCellRowTtl)) != 0) ReadMortality(from, flags, row, cell);
  if (column.multi_cell) cell->path = from->VintBytes();
  if ((flags & kCellEmpty) == 0) {
    const bool fixed = column.fixed_length >= 0 && !column.multi_cell;
    cell->value = from->Bytes(fixed ? static_cast<uint64_t>(column.fixed_length) : from->Vint());
    if (cell->kind == CellKind::kTombstone) cell->value = {};
  }
  if ((flags & ~kCellKnown) != 0) [[unlikely]]
    from->Fail("a cell has unknown flags");
  if (cell->at.none()) [[unlikely]]
    from->Fail("a cell has no timestamp");
  return column.wanted && cell->at > column.dropped_at;
}

// A cursor over what is left of another. What reads a whole row works on one, which the compiler keeps in registers; it
// is not a copy, since that is loaded in pairs of fields, and waits long for the one that was just stored.
Cursor RestOf(const Cursor& from) {
  return Cursor(ByteView(from.position(), from.remaining()));
}

// Moves `from` to where `rest` of it stands, or has failed.
void TakeOver(const Cursor& rest, Cursor* from) {
  if (rest.ok()) [[likely]] {
    from->Skip(rest.offset());
  } else {
    from->Skip(rest.failed_offset());
    from->Fail(rest.reason());
  }
}

bool Closes(BoundKind kind) {
  return kind == BoundKind::kExclEnd || kind == BoundKind::kInclEnd || kind == BoundKind::kExclEndInclStart ||
         kind == BoundKind::kInclEndExclStart;
}

bool Opens(BoundKind kind) {
  return kind == BoundKind::kExclStart || kind == BoundKind::kInclStart || kind == BoundKind::kExclEndInclStart ||
         kind == BoundKind::kInclEndExclStart;
}

bool Known(uint8_t kind) {
  return kind <= 7 && kind != 3 && kind != 4;
}

// Whether rows with just the bound's prefix come before the cut.
bool CutsAfter(BoundKind kind) {
  return kind == BoundKind::kInclEnd || kind == BoundKind::kExclStart || kind == BoundKind::kInclEndExclStart;
}

}  // namespace

const char* BoundKindName(BoundKind kind) {
  switch (kind) {
    case BoundKind::kExclEnd:
      return "EXCL_END";
    case BoundKind::kInclStart:
      return "INCL_START";
    case BoundKind::kExclEndInclStart:
      return "EXCL_END_INCL_START";
    case BoundKind::kInclEndExclStart:
      return "INCL_END_EXCL_START";
    case BoundKind::kInclEnd:
      return "INCL_END";
    case BoundKind::kExclStart:
      return "EXCL_START";
  }
  return "?";
}

std::optional<RangeDeletion> RangePairer::Take(const RangeMarker& marker) {
  error_ = nullptr;
  std::optional<RangeDeletion> closed;
  if (marker.closes) {
    if (!open_) {
      error_ = "a range deletion ends that never began";
    } else if (open_->deletion != *marker.closes) {
      error_ = "a range deletion ends with another time than it began";
    } else if (marker.bound.cut < open_->start.cut) {
      error_ = "a range deletion ends before its beginning";
    }
    if (error_ != nullptr) return std::nullopt;
    closed = open_;
    closed->end = marker.bound;
    closed->end.inclusive = CutsAfter(marker.kind);
    open_.reset();
  }
  if (marker.opens) {
    if (open_) {
      error_ = "a range deletion begins within another";
      return std::nullopt;
    }
    open_.emplace();
    open_->start = marker.bound;
    open_->start.inclusive = !CutsAfter(marker.kind);
    open_->deletion = *marker.opens;
  }
  return closed;
}

bool RowReader::ReadStatic(Cursor* from, Arena* arena, RowUpdate* row) {
  const uint8_t flags = from->U8();
  const uint8_t extended = (flags & kExtended) != 0 ? from->U8() : 0;
  if (!from->ok()) return false;
  if ((flags & (kEndOfPartition | kIsMarker)) != 0 || extended != kExtendedStatic || statics_ == nullptr) {
    from->Fail("no static row where one must be");
    return false;
  }
  *row = {};
  return ReadBody(from, flags, *statics_, arena, row);
}

RowReader::Kind RowReader::Next(Cursor* from, Arena* arena, RowUpdate* row, RangeMarker* marker) {
  const uint8_t flags = from->U8();
  if ((flags & kEndOfPartition) != 0 || !from->ok()) return Kind::kEnd;
  if ((flags & kExtended) != 0) {
    const uint8_t extended = from->U8();
    if ((extended & kExtendedStatic) != 0) from->Fail("a static row among the others");
    if ((extended & ~kExtendedKnown) != 0) from->Fail("a row has unknown flags");
  }
  if ((flags & kIsMarker) != 0) {
    ReadMarker(from, arena, marker);
    return from->ok() ? Kind::kMarker : Kind::kEnd;
  }
  *row = {};
  clustering_->ReadRow(from, arena, row);
  const bool says_something = ReadBody(from, flags, *regulars_, arena, row);
  if (!from->ok()) return Kind::kEnd;
  return says_something ? Kind::kRow : Kind::kEmpty;
}

void RowReader::ReadMarker(Cursor* from, Arena* arena, RangeMarker* marker) {
  const uint8_t kind = from->U8();
  if (!Known(kind)) {
    from->Fail("a range marker of an unknown kind");
    return;
  }
  *marker = {};
  marker->kind = static_cast<BoundKind>(kind);
  const uint16_t size = from->U16();
  clustering_->ReadBound(from, size, CutsAfter(marker->kind), arena, &marker->bound);
  marker->bound.inclusive = Opens(marker->kind) ? !CutsAfter(marker->kind) : CutsAfter(marker->kind);
  uint64_t body_end = 0;
  if (sized_) {
    body_end = from->Vint();
    body_end += from->offset();
    from->Vint();
  }
  if (Closes(marker->kind)) marker->closes = ReadDeletion(from, stats_, times_);
  if (Opens(marker->kind)) marker->opens = ReadDeletion(from, stats_, times_);
  if (!from->ok()) return;
  if ((marker->closes && marker->closes->live()) || (marker->opens && marker->opens->live())) {
    from->Fail("a range marker that deletes nothing");
  }
  if (sized_ && from->offset() != body_end) from->Fail("a range marker ends elsewhere than its size says");
}

// The common case: no column has cells of its own elements, and written order is that of the ids. Cells go straight to
// their place.
[[gnu::always_inline]] inline void RowReader::ReadSimpleCells(Cursor* from, std::span<const HeaderColumn> columns,
                                                              Arena* arena, RowUpdate* row) {
  // Every cell takes at least a byte.
  if (columns.size() > from->remaining()) from->Fail("a row has fewer cells than columns");
  if (columns.empty() || !from->ok()) return;
  const RowTimes times{stats_, times_, row->liveness};
  Cell* const first = reinterpret_cast<Cell*>(arena->Allocate(columns.size() * sizeof(Cell), alignof(Cell)));
  Cell* next = first;
  for (const HeaderColumn& column : columns) {
    if (ReadCell(from, column, times, new (next) Cell)) ++next;
  }
  row->cells = {first, next};
}

bool RowReader::ReadBody(Cursor* cursor, uint8_t flags, const ColumnList& list, Arena* arena, RowUpdate* row) {
  Cursor from = RestOf(*cursor);
  uint64_t body_end = 0;
  if (sized_) {
    body_end = from.Vint();
    body_end += from.offset();
    from.Vint();
  }
  if ((flags & kHasTimestamp) != 0) {
    row->liveness.at = stats_.Timestamp(from.Vint());
    if ((flags & kHasTtl) != 0) {
      row->liveness.ttl_s = stats_.Ttl(from.Vint());
      row->liveness.expires = stats_.LocalDeletion(from.Vint(), times_);
    }
    if (row->liveness.none()) [[unlikely]]
      from.Fail("a row's marker has no timestamp");
  }
  bool all = true;
  const bool mixed = list.any_multi_cell() || !list.ascending();
  if ((flags & kHasDeletion) != 0 || (flags & kHasAllColumns) == 0 || mixed) {
    Cursor rest = RestOf(from);
    if ((flags & kHasDeletion) != 0) row->deletion = ReadDeletion(&rest, stats_, times_);
    all = (flags & kHasAllColumns) != 0 || ReadSubset(&rest, list);
    if (mixed) ReadMixedCells(&rest, list, all, (flags & kHasComplexDeletion) != 0, arena, row);
    TakeOver(rest, &from);
  }
  if (!mixed) ReadSimpleCells(&from, all ? list.columns() : std::span<const HeaderColumn>(present_), arena, row);
  if (sized_ && from.ok() && from.offset() != body_end) {
    from.Fail("a row ends elsewhere than its size says");
  }
  TakeOver(from, cursor);
  return !row->cells.empty() || !row->liveness.none() || !row->deletion.live() || !row->complex_deletions.empty();
}

// Reads which columns of `list` a row has into present_ and present_indexes_. True if it has all, and they are not
// filled in.
bool RowReader::ReadSubset(Cursor* from, const ColumnList& list) {
  const size_t size = list.size();
  const uint64_t encoded = from->Vint();
  if (encoded == 0 && from->ok()) return true;
  present_.clear();
  present_indexes_.clear();
  const auto add = [&](size_t index) {
    present_.push_back(list.columns()[index]);
    present_indexes_.push_back(static_cast<uint16_t>(index));
  };
  if (size < kLargeSubset) {
    if ((encoded >> size) != 0) {
      from->Fail("a row lacks columns that its header does not list");
      return false;
    }
    for (size_t i = 0; i < size; ++i) {
      if (((encoded >> i) & 1) == 0) add(i);
    }
    return false;
  }
  if (encoded > size) {
    from->Fail("a row lacks more columns than its header lists");
    return false;
  }
  const size_t present = size - encoded;
  const bool lists_present = present < size / 2;
  size_t next = 0;  // the least index that may follow
  for (size_t i = 0; i < (lists_present ? present : encoded); ++i) {
    const uint64_t index = from->Vint();
    if (!from->ok()) return false;
    if (index < next || index >= size) {
      from->Fail("a row's columns are out of order");
      return false;
    }
    if (lists_present) {
      add(index);
    } else {
      for (; next < index; ++next) add(next);
    }
    next = index + 1;
  }
  if (!lists_present) {
    for (; next < size; ++next) add(next);
  }
  return false;
}

// Any columns: cells are read into a buffer in written order, and go from there by column id.
void RowReader::ReadMixedCells(Cursor* cursor, const ColumnList& list, bool all, bool deletions, Arena* arena,
                               RowUpdate* row) {
  Cursor from = RestOf(*cursor);
  cells_.clear();
  complex_.clear();
  if (!list.ascending()) slices_.assign(list.size(), Slice{});
  const RowTimes times{stats_, times_, row->liveness};
  const size_t present = all ? list.size() : present_indexes_.size();
  for (size_t i = 0; i < present && from.ok(); ++i) {
    const size_t index = all ? i : present_indexes_[i];
    const HeaderColumn& column = list.columns()[index];
    const Slice before{static_cast<uint32_t>(cells_.size()), 0, static_cast<uint32_t>(complex_.size()), 0};
    uint64_t count = 1;
    if (column.multi_cell) {
      if (deletions) {
        const Deletion deletion = ReadDeletion(&from, stats_, times_);
        if (!deletion.live() && column.wanted && deletion.at > column.dropped_at) {
          complex_.push_back({column.id, deletion});
        }
      }
      count = from.Vint();
      // Every cell of a collection takes at least two bytes: flags and its path's length.
      if (count > from.remaining() / 2) from.Fail("a column claims more cells than there are bytes");
    }
    for (; count > 0 && from.ok(); --count) {
      if (!ReadCell(&from, column, times, &cells_.emplace_back())) cells_.pop_back();
    }
    if (!list.ascending()) {
      slices_[index] = {before.first_cell, static_cast<uint32_t>(cells_.size()) - before.first_cell,
                        before.first_complex, static_cast<uint32_t>(complex_.size()) - before.first_complex};
    }
  }
  TakeOver(from, cursor);
  if (!from.ok()) return;
  if (list.ascending()) {
    row->cells = arena->CopyArray(cells_);
    row->complex_deletions = arena->CopyArray(complex_);
  } else {
    CopyById(list, arena, row);
  }
}

// What ReadMixedCells has read, where written order is not that of the ids.
void RowReader::CopyById(const ColumnList& list, Arena* arena, RowUpdate* row) {
  Cell* const cells = reinterpret_cast<Cell*>(arena->Allocate(cells_.size() * sizeof(Cell), alignof(Cell)));
  Cell* next_cell = cells;
  const std::span<ComplexDeletion> complex = arena->NewArray<ComplexDeletion>(complex_.size());
  auto next_complex = complex.begin();
  for (const uint16_t index : list.by_id()) {
    const Slice& slice = slices_[index];
    next_cell = std::uninitialized_copy_n(cells_.data() + slice.first_cell, slice.cells, next_cell);
    next_complex = std::copy_n(complex_.data() + slice.first_complex, slice.complex, next_complex);
  }
  row->cells = {cells, next_cell};
  row->complex_deletions = complex;
}

}  // namespace braid
