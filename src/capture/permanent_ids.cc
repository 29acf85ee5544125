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

// Whether some UDT in `type` lacks fields that it has in `known`. Fields are only ever added.
bool LacksFields(const Type& type, const Type& known) {
  if (type.kind != known.kind) return false;
  if (type.kind == TypeKind::kUdt && type.args.size() < known.args.size()) return true;
  for (size_t i = 0; i < std::min(type.args.size(), known.args.size()); ++i) {
    if (LacksFields(*type.args[i], *known.args[i])) return true;
  }
  return false;
}

// Whether the type of a column that was neither dropped nor added again is now as `seen`.
bool TakesType(const Type& seen, const Type& known, bool newer) {
  return newer ? !LacksFields(seen, known) : LacksFields(known, seen);
}

// Whether `known` is a later state of the column than `seen`. A column is added, dropped, added again and dropped
// again, each time with a later time of dropping (unless someone says USING TIMESTAMP): a state that lacks a drop that
// the other has is the older one, and of two with the same drop the one that has the column again is the later.
bool IsBehind(const Column& seen, const Column& known, bool newer) {
  if (seen.dropped_at.none()) return !known.dropped_at.none();
  if (seen.dropped_at > known.dropped_at) return false;
  if (seen.dropped_at == known.dropped_at && !seen.dropped) return false;
  return !newer;
}

}  // namespace

TableSchemaPtr JoinDefinitions(const TableSchema& before, const TableSchema& fresh, bool newer) {
  TableSchema joined = newer ? fresh : before;
  joined.columns = fresh.columns;
  std::vector<bool> in_fresh(before.columns.size(), false);
  for (Column& column : joined.columns) {
    const Column* const known = FindSame(before, column);
    if (known == nullptr) continue;
    in_fresh[known->id.value] = true;
    const bool behind = IsKey(column) ? !newer : IsBehind(column, *known, newer);
    const bool alike = column.dropped == known->dropped && column.dropped_at == known->dropped_at;
    if (behind || (alike && !TakesType(*column.type, *known->type, newer))) column.type = known->type;
    if (!behind) continue;
    column.name = known->name;
    column.dropped = known->dropped;
    column.dropped_at = known->dropped_at;
  }
  // What the other nodes have and this one has not heard of, or of whose drop it has seen half.
  for (const Column& known : before.columns) {
    if (!in_fresh[known.id.value]) joined.columns.push_back(known);
  }
  return WithPermanentIds(before, joined);
}

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
