// Rows of schema tables, and ids, for tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "cassandra/rows/rows_test_util.h"
#include "cassandra/schema/schema.h"
#include "cassandra/schema/system_table.h"

namespace braid {

// An id that differs between definitions well enough for a test.
inline SchemaId TestSchemaId(const TableSchema& schema) {
  return {schema.columns.size() + 1000};
}

inline std::string Texts(const std::vector<std::string>& texts) {
  RowBytes out;
  out.I32(static_cast<int32_t>(texts.size()));
  for (const std::string& text : texts) out.I32(static_cast<int32_t>(text.size())).Raw(text);
  return out.bytes();
}

inline SystemRow TableRow(const std::string& keyspace, const std::string& table, char id,
                          const std::vector<std::string>& flags = {"compound"}) {
  return {.key = {keyspace, table}, .values = {{"id", std::string(16, id)}, {"flags", Texts(flags)}}};
}

inline SystemRow ColumnRow(const std::string& keyspace, const std::string& table, const std::string& name,
                           const std::string& kind, const std::string& type, int32_t position = -1,
                           const std::string& order = "none") {
  return {.key = {keyspace, table, name},
          .values = {{"kind", kind},
                     {"type", type},
                     {"position", RowBytes().I32(position).bytes()},
                     {"clustering_order", order},
                     {"column_name_bytes", name}}};
}

inline SystemRow DroppedRow(const std::string& keyspace, const std::string& table, const std::string& name,
                            const std::string& type, int64_t dropped_ms) {
  return {.key = {keyspace, table, name},
          .values = {{"kind", "regular"}, {"type", type}, {"dropped_time", RowBytes().I64(dropped_ms).bytes()}}};
}

inline SystemRow TypeRow(const std::string& keyspace, const std::string& name, const std::vector<std::string>& fields,
                         const std::vector<std::string>& types) {
  return {.key = {keyspace, name}, .values = {{"field_names", Texts(fields)}, {"field_types", Texts(types)}}};
}

}  // namespace braid
