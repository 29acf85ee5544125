#include "cassandra/schema/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

#include "cassandra/schema/values.h"
#include "cassandra/types/comparable.h"
#include "cassandra/types/parse.h"

namespace braid {
namespace {

constexpr size_t kMaxColumns = 1 << 15;

std::optional<ColumnKind> ParseKind(const std::string* text) {
  if (text == nullptr) return std::nullopt;
  if (*text == "partition_key") return ColumnKind::kPartitionKey;
  if (*text == "clustering") return ColumnKind::kClustering;
  if (*text == "static") return ColumnKind::kStatic;
  if (*text == "regular") return ColumnKind::kRegular;
  return std::nullopt;
}

bool IsKey(const Column& column) {
  return column.kind == ColumnKind::kPartitionKey || column.kind == ColumnKind::kClustering;
}

// The order of names on the wire: by unsigned bytes, except that the first byte's top bit counts the other way round,
// so that names which begin with a letter beyond ASCII come first (org.apache.cassandra.schema.ColumnMetadata's
// comparisonOrder shifts a signed prefix as if it were unsigned).
std::string WireOrder(std::string name) {
  if (name.empty()) return "\x80";
  name[0] = static_cast<char>(static_cast<uint8_t>(name[0]) ^ 0x80);
  return name;
}

// In the order in which mutations list them; see ReadSchema.
void NumberColumns(std::vector<Column>* columns) {
  const auto order = [](const Column& column) {
    return std::make_tuple(column.kind, IsKey(column) ? column.position : 0, !IsKey(column) && column.multi_cell(),
                           WireOrder(column.name));
  };
  std::sort(columns->begin(), columns->end(), [&](const Column& a, const Column& b) { return order(a) < order(b); });
  for (size_t i = 0; i < columns->size(); ++i) (*columns)[i].id = {static_cast<uint16_t>(i)};
}

// That a definition is one: keys are numbered without holes, clustering columns can be put in order.
Status CheckColumns(const std::vector<Column>& columns) {
  if (columns.size() > kMaxColumns) return Corrupt("it has too many columns");
  size_t keys[2] = {0, 0};
  for (const Column& column : columns) {  // numbered, so keys come first and by position
    if (!IsKey(column)) continue;
    size_t& next = keys[static_cast<size_t>(column.kind)];
    if (column.dropped || column.position != next++) return Corrupt("its key columns are not numbered one by one");
    if (column.kind == ColumnKind::kClustering) TRY(CheckComparable(*column.type));
  }
  if (keys[0] == 0) return Corrupt("it has no partition key: system_schema.columns lacks its columns");
  return {};
}

bool IsCompact(const std::set<std::string>& flags) {
  return !flags.contains("compound") || flags.contains("dense") || flags.contains("super");
}

}  // namespace

ClusterSchema SchemaBuilder::Build(const SchemaRows& rows, std::vector<std::string> warnings) {
  schema_ = ClusterSchema();
  schema_.warnings_ = std::move(warnings);
  AddKeyspaces(rows.keyspaces);
  AddUserTypes(rows.types);
  for (const SystemRow& row : rows.columns) {
    if (row.key.size() == 3) columns_[{row.key[0], row.key[1]}].push_back(&row);
  }
  for (const SystemRow& row : rows.dropped_columns) {
    if (row.key.size() == 3) dropped_[{row.key[0], row.key[1]}].push_back(&row);
  }
  for (const SystemRow& row : rows.tables) AddTable(row, false);
  for (const SystemRow& row : rows.views) AddTable(row, true);
  std::sort(schema_.tables_.begin(), schema_.tables_.end(), [](const TableInfo& a, const TableInfo& b) {
    return std::tie(a.keyspace, a.table) < std::tie(b.keyspace, b.table);
  });
  for (size_t i = 0; i < schema_.tables_.size(); ++i) schema_.by_id_[schema_.tables_[i].id] = i;
  return std::move(schema_);
}

void SchemaBuilder::AddKeyspaces(const std::vector<SystemRow>& rows) {
  for (const SystemRow& row : rows) {
    KeyspaceInfo keyspace{.name = row.key[0], .durable_writes = true, .replication = {}};
    keyspace.durable_writes = ReadBoolean(row.Find("durable_writes")).value_or(true);
    keyspace.replication = ReadTextMap(row.Find("replication")).value_or(std::map<std::string, std::string>());
    schema_.keyspaces_.push_back(std::move(keyspace));
  }
}

void SchemaBuilder::AddUserTypes(const std::vector<SystemRow>& rows) {
  for (const SystemRow& row : rows) {
    std::optional<std::vector<std::string>> names = ReadTexts(row.Find("field_names"));
    std::optional<std::vector<std::string>> types = ReadTexts(row.Find("field_types"));
    if (row.key.size() != 2 || !names || !types || names->size() != types->size()) {
      schema_.warnings_.push_back(fmt::format("the type {}.{} in system_schema.types makes no sense", row.key[0],
                                              row.key.size() > 1 ? row.key[1] : ""));
      continue;
    }
    user_types_[{row.key[0], row.key[1]}] = {
        .field_names = *std::move(names), .field_types = *std::move(types), .resolved = nullptr, .resolving = false};
    WriteTime& newest = newest_types_[row.key[0]];
    newest = std::max(newest, row.newest);
  }
}

Result<TypePtr> SchemaBuilder::ResolveUserType(const std::string& keyspace, const std::string& name) {
  const auto found = user_types_.find({keyspace, name});
  if (found == user_types_.end()) {
    return NotFound(fmt::format("the type {}.{} is not in system_schema.types", keyspace, name));
  }
  UserType& user_type = found->second;
  if (user_type.resolved != nullptr) return user_type.resolved;
  if (user_type.resolving) return Corrupt(fmt::format("the type {}.{} contains itself", keyspace, name));
  user_type.resolving = true;
  auto type = std::make_shared<Type>();
  type->kind = TypeKind::kUdt;
  type->keyspace = keyspace;
  type->name = name;
  type->field_names = user_type.field_names;
  for (const std::string& text : user_type.field_types) {
    Result<TypePtr> field = ParseType(keyspace, &text);
    if (!field.has_value()) {
      user_type.resolving = false;
      return field.error().At(fmt::format("type {}.{}", keyspace, name));
    }
    type->args.push_back(*std::move(field));
  }
  user_type.resolving = false;
  user_type.resolved = type;
  return user_type.resolved;
}

Result<TypePtr> SchemaBuilder::ParseType(const std::string& keyspace, const std::string* text) {
  if (text == nullptr) return Corrupt("it has no type");
  return ParseCqlType(*text, keyspace, [this](const std::string& type_keyspace, const std::string& name) {
    return ResolveUserType(type_keyspace, name);
  });
}

void SchemaBuilder::AddTable(const SystemRow& row, bool view) {
  TableInfo info;
  info.keyspace = row.key[0];
  info.table = row.key.size() > 1 ? row.key[1] : "";
  info.view = view;
  const std::optional<std::array<uint8_t, 16>> id = ReadUuid(row.Find("id"));
  if (row.key.size() != 2 || !id.has_value()) {
    schema_.warnings_.push_back(fmt::format("the table {} in system_schema has no id", info.FullName()));
    return;
  }
  info.id.bytes = *id;
  info.written_at = row.newest;
  info.changed_at = ChangedAt(row, info);
  const std::vector<std::string> flags = ReadTexts(row.Find("flags")).value_or(std::vector<std::string>());
  // Nodes with cdc_enabled = false do not write the column at all.
  info.cdc = !view && ReadBoolean(row.Find("cdc")).value_or(false);
  info.compact = !view && IsCompact(std::set<std::string>(flags.begin(), flags.end()));
  if (info.compact) {
    info.unreadable = fmt::format("{} is a table with compact storage; run ALTER TABLE {} DROP COMPACT STORAGE",
                                  info.FullName(), info.FullName());
  } else {
    Result<TableSchemaPtr> schema = MakeSchema(row, info);
    if (schema.has_value()) {
      info.schema = *std::move(schema);
    } else {
      info.unreadable = fmt::format("the definition of {} cannot be read: {}", info.FullName(), schema.error().message);
    }
  }
  schema_.tables_.push_back(std::move(info));
}

WriteTime SchemaBuilder::ChangedAt(const SystemRow& row, const TableInfo& info) const {
  WriteTime newest = row.newest;
  for (const auto* rows : {&columns_, &dropped_}) {
    const auto found = rows->find({info.keyspace, info.table});
    if (found == rows->end()) continue;
    for (const SystemRow* part : found->second) newest = std::max(newest, part->newest);
  }
  const auto types = newest_types_.find(info.keyspace);
  return types == newest_types_.end() ? newest : std::max(newest, types->second);
}

Result<TableSchemaPtr> SchemaBuilder::MakeSchema(const SystemRow& row, const TableInfo& info) {
  auto schema = std::make_shared<TableSchema>();
  schema->table_id = info.id;
  schema->keyspace = info.keyspace;
  schema->table = info.table;
  schema->cdc = info.cdc;
  schema->gc_grace_s = ReadInt(row.Find("gc_grace_seconds")).value_or(864000);
  for (const std::string& flag : ReadTexts(row.Find("flags")).value_or(std::vector<std::string>())) {
    if (flag == "counter") schema->counter = true;
  }
  for (const SystemRow* column_row : columns_[{info.keyspace, info.table}]) {
    Result<Column> column = MakeColumn(*column_row);
    if (!column.has_value()) return column.error().At("column " + column_row->key[2]);
    schema->columns.push_back(*std::move(column));
  }
  for (const SystemRow* dropped_row : dropped_[{info.keyspace, info.table}]) {
    const Status added = AddDropped(*dropped_row, &schema->columns);
    if (!added.has_value()) return added.error().At("dropped column " + dropped_row->key[2]);
  }
  NumberColumns(&schema->columns);
  TRY(CheckColumns(schema->columns));
  schema->IndexColumns();
  schema->id = id_of_(*schema);
  return TableSchemaPtr(std::move(schema));
}

Result<Column> SchemaBuilder::MakeColumn(const SystemRow& row) {
  Column column;
  // The text is made of the bytes, for names that are not UTF-8 too.
  const std::string* bytes = row.Find("column_name_bytes");
  column.name = bytes != nullptr ? *bytes : row.key[2];
  const std::optional<ColumnKind> kind = ParseKind(row.Find("kind"));
  if (!kind.has_value()) return Corrupt("it is of no known kind");
  column.kind = *kind;
  const int32_t position = ReadInt(row.Find("position")).value_or(-1);
  if (IsKey(column)) {
    if (position < 0 || position >= static_cast<int32_t>(kMaxColumns)) return Corrupt("it has no position in the key");
    column.position = static_cast<uint16_t>(position);
  }
  const std::string* order = row.Find("clustering_order");
  column.descending = column.kind == ColumnKind::kClustering && order != nullptr && *order == "desc";
  ASSIGN_OR_RETURN(column.type, ParseType(row.key[0], row.Find("type")));
  return column;
}

Status SchemaBuilder::AddDropped(const SystemRow& row, std::vector<Column>* columns) {
  const std::optional<int64_t> dropped_ms = ReadTimestamp(row.Find("dropped_time"));
  if (!dropped_ms.has_value()) return Corrupt("it has no time");
  int64_t dropped_us;
  if (__builtin_mul_overflow(*dropped_ms, int64_t{1000}, &dropped_us)) return Corrupt("its time is impossible");
  for (Column& column : *columns) {
    // A key column has the name by being renamed: it is another.
    if (column.name != row.key[2] || IsKey(column)) continue;
    column.dropped_at = {dropped_us};  // added again since
    return {};
  }
  Column column;
  column.name = row.key[2];
  // Before Cassandra 4.0 only regular columns were noted, without their kind.
  const std::string* kind = row.Find("kind");
  if (kind != nullptr) {
    const std::optional<ColumnKind> parsed = ParseKind(kind);
    if (!parsed.has_value()) return Corrupt("it is of no known kind");
    column.kind = *parsed;
  }
  column.dropped = true;
  column.dropped_at = {dropped_us};
  ASSIGN_OR_RETURN(column.type, ParseType(row.key[0], row.Find("type")));
  columns->push_back(std::move(column));
  return {};
}

}  // namespace braid
