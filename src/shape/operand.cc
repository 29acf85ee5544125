#include "shape/operand.h"

#include <algorithm>
#include <optional>

#include "cassandra/types/validate.h"
#include "model/key.h"

namespace braid::shape {
namespace {

constexpr OperandValue kUnknown{.known = false};
constexpr OperandValue kNull{};

OperandValue ValueOf(const Type& type, ByteView bytes) {
  if (ReadsAsNull(type, bytes) || !ValidateValue(type, bytes).has_value()) return kNull;
  return {.null = false, .bytes = bytes};
}

size_t PlaceIn(const std::vector<ColumnId>& ids, ColumnId id) {
  return static_cast<size_t>(std::ranges::find(ids, id) - ids.begin());
}

}  // namespace

bool ReadsAsNull(const Type& type, ByteView bytes) {
  if (type.multi_cell() && type.kind != TypeKind::kUdt) return bytes == ByteView("\0\0\0\0", 4);
  const bool has_empty = type.kind == TypeKind::kAscii || type.kind == TypeKind::kText ||
                         type.kind == TypeKind::kBlob || type.kind == TypeKind::kCustom;
  return bytes.empty() && !has_empty;
}

Operand::Operand(const TableSchema& schema, const NamedColumn& column)
    : column_(column.column), present_(column.present), key_size_(schema.partition_key.size()) {
  switch (column_->kind) {
    case ColumnKind::kPartitionKey:
    case ColumnKind::kClustering:
      place_ = column_->position;
      break;
    case ColumnKind::kStatic:
      place_ = PlaceIn(schema.statics, column_->id);
      break;
    case ColumnKind::kRegular:
      place_ = PlaceIn(schema.regulars, column_->id);
      break;
  }
}

OperandValue Operand::Of(const RowView& row) const {
  if (!present_) return kNull;
  if (column_->kind == ColumnKind::kPartitionKey) return OfPartitionKey(row.change);
  if (row.change.row == RowKind::kRange) return kUnknown;
  const bool of_static_row = row.change.row == RowKind::kStatic;
  if (of_static_row != (column_->kind == ColumnKind::kStatic)) return kNull;
  return column_->kind == ColumnKind::kClustering ? OfClustering(row.change) : OfImage(row);
}

OperandValue Operand::OfPartitionKey(const Change& change) const {
  PartitionKeyReader reader(key_size_, change.partition_key);
  for (size_t i = 0; i < place_; ++i) reader.Next();
  const std::optional<ByteView> value = reader.Next();
  return value ? ValueOf(type(), *value) : kNull;
}

OperandValue Operand::OfClustering(const Change& change) const {
  ClusteringReader reader(change.clustering);
  for (size_t i = 0; i < place_; ++i) reader.Next();
  const std::optional<ClusteringReader::Value> value = reader.Next();
  return value && !value->null ? ValueOf(type(), value->bytes) : kNull;
}

OperandValue Operand::OfImage(const RowView& row) const {
  if (row.image == nullptr) return kUnknown;
  const std::span<const ColumnValue> columns = row.image->columns;
  const ColumnValue* found = nullptr;
  if (place_ < columns.size() && columns[place_].column == column_->id) {
    found = &columns[place_];
  } else {
    const auto it = std::ranges::find(columns, column_->id, &ColumnValue::column);
    if (it == columns.end()) return kUnknown;
    found = &*it;
  }
  return found->null ? kNull : ValueOf(type(), found->value);
}

}  // namespace braid::shape
