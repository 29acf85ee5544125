#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "capture/schema_registry.h"

namespace braid {
namespace {

bool IsKey(const Column& column) {
  return column.kind == ColumnKind::kPartitionKey || column.kind == ColumnKind::kClustering;
}

// The column of `before` that `column` is today. Key columns can be renamed and nothing else, others can be dropped and
// added again and nothing else; so keys are known by their place and others by name.
const Column* FindSame(const TableSchema& before, const Column& column) {
  const auto same = [&](const Column& old) {
    if (IsKey(column)) return old.kind == column.kind && old.position == column.position;
    return !IsKey(old) && old.name == column.name;
  };
  const auto found = std::find_if(before.columns.begin(), before.columns.end(), same);
  return found == before.columns.end() ? nullptr : &*found;
}

}  // namespace

TableSchemaPtr WithPermanentIds(const TableSchema& before, const TableSchema& fresh) {
  auto schema = std::make_shared<TableSchema>(fresh);
  schema->columns = before.columns;
  std::vector<bool> in_fresh(before.columns.size(), false);
  for (Column column : fresh.columns) {
    const Column* const old = FindSame(before, column);
    if (old == nullptr) {
      schema->columns.push_back(std::move(column));
      continue;
    }
    in_fresh[old->id.value] = true;
    column.dropped_at = std::max(column.dropped_at, old->dropped_at);
    schema->columns[old->id.value] = std::move(column);
  }
  // What Cassandra has forgotten of logs and states may still hold.
  for (size_t i = 0; i < in_fresh.size(); ++i) {
    if (!in_fresh[i]) schema->columns[i].dropped = true;
  }
  CHECK(schema->columns.size() <= std::numeric_limits<uint16_t>::max());
  for (size_t i = 0; i < schema->columns.size(); ++i) schema->columns[i].id = {static_cast<uint16_t>(i)};
  schema->IndexColumns();
  schema->id = ComputeSchemaId(*schema);
  return schema;
}

}  // namespace braid
