#include "model/schema.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace braid {

TableId TableId::FromBytes(ByteView bytes) {
  TableId id;
  CHECK(bytes.size() == id.bytes.size());
  std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}

std::string TableId::ToString() const {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}

void TableSchema::IndexColumns() {
  partition_key.clear();
  clustering.clear();
  statics.clear();
  regulars.clear();
  for (const Column& column : columns) {
    CHECK(column.id.value == static_cast<size_t>(&column - columns.data()));
    if (column.dropped) continue;
    switch (column.kind) {
      case ColumnKind::kPartitionKey:
        partition_key.push_back(column.id);
        break;
      case ColumnKind::kClustering:
        clustering.push_back(column.id);
        break;
      case ColumnKind::kStatic:
        statics.push_back(column.id);
        break;
      case ColumnKind::kRegular:
        regulars.push_back(column.id);
        break;
    }
  }
  const auto by_position = [this](ColumnId a, ColumnId b) { return column(a).position < column(b).position; };
  const auto by_name = [this](ColumnId a, ColumnId b) { return column(a).name < column(b).name; };
  std::sort(partition_key.begin(), partition_key.end(), by_position);
  std::sort(clustering.begin(), clustering.end(), by_position);
  std::sort(statics.begin(), statics.end(), by_name);
  std::sort(regulars.begin(), regulars.end(), by_name);
}

const Column* TableSchema::FindColumn(std::string_view name) const {
  for (const Column& column : columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

}  // namespace braid
