#include "pipeline/verify/images.h"

#include <algorithm>

#include "reconcile/lww/image.h"

namespace braid {
namespace {

bool SameType(const Type& a, const Type& b) {
  return &a == &b ||
         (a.kind == b.kind && a.frozen == b.frozen && a.dimension == b.dimension &&
          std::ranges::equal(a.args, b.args, [](const TypePtr& x, const TypePtr& y) { return SameType(*x, *y); }));
}

bool IsKnown(const TableSchema& schema, ColumnId id) {
  return id.value < schema.columns.size();
}

// Whether what was seen of the column by `a` is still to be seen by `b`.
bool Comparable(const TableSchema& a, const TableSchema& b, ColumnId id) {
  if (&a == &b) return true;
  const Column& one = a.column(id);
  const Column& other = b.column(id);
  return !one.dropped && !other.dropped && one.dropped_at == other.dropped_at && SameType(*one.type, *other.type);
}

const ColumnValue* ValueOf(const Image& image, ColumnId id) {
  const auto found = std::ranges::find(image.columns, id, &ColumnValue::column);
  return found == image.columns.end() ? nullptr : &*found;
}

bool Same(const ColumnValue* a, const ColumnValue* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->null == b->null && (a->null || a->value == b->value);
}

// Images of one definition, and of one set of known columns.
bool SameImages(const Image& a, const Image& b) {
  return std::ranges::equal(a.columns, b.columns, [](const ColumnValue& x, const ColumnValue& y) {
    return x.column == y.column && Same(&x, &y);
  });
}

}  // namespace

std::vector<ColumnId> DifferentColumns(const SeenImage& then, const SeenImage& now, RowKind row,
                                       const TableSchema* newest) {
  static constexpr ColumnValue kNull;
  std::vector<ColumnId> different;
  if (then.schema->id == now.schema->id && SameImages(*then.image, *now.image)) return different;
  for (const ColumnId id : ColumnsOf(*now.schema, row)) {
    if (newest != nullptr && (!IsKnown(*newest, id) || !Comparable(*now.schema, *newest, id))) continue;
    const bool added = !IsKnown(*then.schema, id);
    if (!added && !Comparable(*then.schema, *now.schema, id)) continue;
    const ColumnValue* old = added ? &kNull : ValueOf(*then.image, id);
    if (!Same(old, ValueOf(*now.image, id))) different.push_back(id);
  }
  return different;
}

}  // namespace braid
