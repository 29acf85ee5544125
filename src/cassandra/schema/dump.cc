#include "cassandra/schema/dump.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace braid {
namespace {

using Json = nlohmann::ordered_json;

const char* KindName(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::kPartitionKey:
      return "partition_key";
    case ColumnKind::kClustering:
      return "clustering";
    case ColumnKind::kStatic:
      return "static";
    case ColumnKind::kRegular:
      return "regular";
  }
  return "?";
}

Json ColumnToJson(const Column& column) {
  Json json = {{"id", column.id.value}, {"name", column.name}, {"kind", KindName(column.kind)}};
  if (column.kind == ColumnKind::kPartitionKey || column.kind == ColumnKind::kClustering) {
    json["position"] = column.position;
  }
  json["type"] = ToCql(*column.type);
  if (column.kind == ColumnKind::kClustering) json["order"] = column.descending ? "desc" : "asc";
  json["dropped"] = column.dropped;
  json["dropped_at_us"] = column.dropped_at.none() ? Json() : Json(column.dropped_at.us);
  return json;
}

}  // namespace

std::string TableToJson(const TableInfo& info) {
  const TableSchema* schema = info.schema.get();
  const auto known = [schema](auto value) { return schema == nullptr ? Json() : Json(value()); };
  Json json = {{"id", info.id.ToString()}, {"keyspace", info.keyspace}, {"table", info.table}};
  json["schema_id"] = known([&] { return fmt::format("{:016x}", schema->id.value); });
  json["cdc"] = info.cdc;
  json["counter"] = known([&] { return schema->counter; });
  json["view"] = info.view;
  json["compact"] = info.compact;
  json["gc_grace_s"] = known([&] { return schema->gc_grace_s; });
  json["columns"] = Json();
  if (schema != nullptr) {
    json["columns"] = Json::array();
    for (const Column& column : schema->columns) json["columns"].push_back(ColumnToJson(column));
  }
  json["unreadable"] = info.unreadable.empty() ? Json() : Json(info.unreadable);
  // A name need not be UTF-8: what is not is replaced, rather than thrown at us.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace braid
