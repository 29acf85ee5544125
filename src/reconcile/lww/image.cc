#include "reconcile/lww/image.h"

#include <algorithm>

#include "reconcile/lww/merge.h"

namespace braid {
namespace {

bool IsSeen(const Column& column, const Cell& cell, UnixSeconds now) {
  return IsLive(cell, now) && Counts(column, cell.at);
}

void PutElement(char** to, ByteView bytes) {
  StoreBigEndian(*to, static_cast<int32_t>(bytes.size()));
  if (!bytes.empty()) std::memcpy(*to + 4, bytes.data(), bytes.size());
  *to += 4 + bytes.size();
}

// Lists, sets and maps: `i32 n`, then each element (of a map key and value) as `i32 length` and bytes.
ByteView FrozenCollection(const Column& column, std::span<const Cell> cells, UnixSeconds now, Arena* arena) {
  const bool takes_path = column.type->kind != TypeKind::kList;
  const bool takes_value = column.type->kind != TypeKind::kSet;
  size_t bytes = 4;
  int32_t elements = 0;
  for (const Cell& cell : cells) {
    if (!IsSeen(column, cell, now)) continue;
    ++elements;
    bytes += (takes_path ? 4 + cell.path.size() : 0) + (takes_value ? 4 + cell.value.size() : 0);
  }
  char* const begin = arena->Allocate(bytes, 1);
  char* to = begin;
  StoreBigEndian(to, elements);
  to += 4;
  for (const Cell& cell : cells) {
    if (!IsSeen(column, cell, now)) continue;
    if (takes_path) PutElement(&to, cell.path);
    if (takes_value) PutElement(&to, cell.value);
  }
  return {begin, bytes};
}

// UDTs: each field as `i32 length` and bytes, or -1 if it is null. A cell of a field that the type does not have (it
// was added since) is left out.
ByteView FrozenUdt(const Column& column, std::span<const Cell> cells, UnixSeconds now, Arena* arena) {
  const size_t fields = column.type->args.size();
  std::span<const Cell*> of_field = arena->NewArray<const Cell*>(fields);
  std::ranges::fill(of_field, nullptr);
  size_t bytes = 4 * fields;
  for (const Cell& cell : cells) {
    if (!IsSeen(column, cell, now) || ElementType(*column.type, cell.path) == nullptr) continue;
    of_field[LoadBigEndian<uint16_t>(cell.path.data())] = &cell;
    bytes += cell.value.size();
  }
  char* const begin = arena->Allocate(bytes, 1);
  char* to = begin;
  for (const Cell* cell : of_field) {
    if (cell != nullptr) {
      PutElement(&to, cell->value);
    } else {
      StoreBigEndian(to, int32_t{-1});
      to += 4;
    }
  }
  return {begin, bytes};
}

ByteView TotalBytes(ByteView context, Arena* arena) {
  char* const to = arena->Allocate(8, 1);
  StoreBigEndian(to, CounterTotal(context));
  return {to, 8};
}

ColumnValue ValueOf(const Column& column, std::span<const Cell> cells, UnixSeconds now, Arena* arena) {
  ColumnValue value;
  value.column = column.id;
  value.null = std::ranges::none_of(cells, [&](const Cell& cell) { return IsSeen(column, cell, now); });
  if (value.null) return value;
  if (!column.multi_cell()) {
    const ByteView bytes = cells.front().value;
    value.value = column.type->kind == TypeKind::kCounter ? TotalBytes(bytes, arena) : bytes;
  } else if (column.type->kind == TypeKind::kUdt) {
    value.value = FrozenUdt(column, cells, now, arena);
  } else {
    value.value = FrozenCollection(column, cells, now, arena);
  }
  return value;
}

}  // namespace

bool ExistsAt(const TableSchema& schema, const RowState& row, UnixSeconds now) {
  if (IsLive(row.liveness, now)) return true;
  return std::ranges::any_of(
      row.cells, [&](const Cell& cell) { return IsLive(cell, now) && Counts(schema, cell.column, cell.at); });
}

const Image* ImageAt(const TableSchema& schema, RowKind kind, const RowState& row, std::span<const ColumnId> unknown,
                     UnixSeconds now, Arena* arena) {
  // Cells are by id, the image by name: first find where each column's cells begin.
  struct Extent {
    uint32_t first = 0;
    uint32_t size = 0;
  };
  std::span<Extent> extents = arena->NewArray<Extent>(schema.columns.size());
  for (uint32_t i = 0; i < row.cells.size(); ++i) {
    if (ColumnOf(schema, row.cells[i].column) == nullptr) break;  // nor any after it: they are by id
    Extent& extent = extents[row.cells[i].column.value];
    if (extent.size++ == 0) extent.first = i;
  }
  const std::vector<ColumnId>& columns = ColumnsOf(schema, kind);
  std::span<ColumnValue> values = arena->NewArray<ColumnValue>(columns.size());
  size_t n = 0;
  for (const ColumnId id : columns) {
    if (std::ranges::binary_search(unknown, id)) continue;
    const Extent extent = extents[id.value];
    values[n++] = ValueOf(schema.column(id), row.cells.subspan(extent.first, extent.size), now, arena);
  }
  Image* image = arena->New<Image>();
  image->columns = values.first(n);
  return image;
}

}  // namespace braid
