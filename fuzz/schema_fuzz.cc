// Any bytes as what the schema tables hold. The first byte says where: 0 as the data of one of their files, under good
// checksums; 1 as the values of their rows, one after another, each a length byte and so many bytes.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/cursor.h"
#include "cassandra/schema/builder.h"
#include "cassandra/schema/dump.h"
#include "cassandra/schema/system_table.h"
#include "cassandra/sstable/sstable_test_util.h"

namespace braid {
namespace {

void ReadTable(const std::string& data) {
  SstableBytes bytes = MakeSstable({});
  bytes.data = data;
  bytes.crc = MakeCrc(data, 64);
  const auto sstable = OpenBytes(bytes);
  if (!sstable.has_value()) return;
  SystemTable table;
  const Status added = table.Add(sstable->get());
  CHECK(added.has_value() || !added.error().message.empty());
  CHECK(table.LiveRows().has_value());  // what a scan lets through parses
}

std::string NextValue(Cursor* from) {
  const std::string value(from->Bytes(from->U8()));
  return from->ok() ? value : "";
}

SystemRow NextRow(Cursor* from, size_t keys, const std::vector<const char*>& columns) {
  SystemRow row;
  // Few names, so that rows of different tables meet.
  for (size_t i = 0; i < keys; ++i) row.key.emplace_back(1, static_cast<char>('a' + from->U8() % 3));
  for (const char* column : columns) {
    const uint8_t what = from->U8();
    if (what == 0) continue;
    row.values[column] = NextValue(from);
  }
  return row;
}

void ReadRows(const std::string& bytes) {
  Cursor from(bytes);
  SchemaRows rows;
  while (from.ok() && !from.AtEnd()) {
    rows.tables.push_back(NextRow(&from, 2, {"id", "flags", "cdc", "gc_grace_seconds"}));
    rows.views.push_back(NextRow(&from, 2, {"id"}));
    rows.types.push_back(NextRow(&from, 2, {"field_names", "field_types"}));
    rows.keyspaces.push_back(NextRow(&from, 1, {"durable_writes", "replication"}));
    for (int i = 0; i < 4; ++i) {
      rows.columns.push_back(NextRow(&from, 3, {"column_name_bytes", "kind", "type", "position", "clustering_order"}));
    }
    rows.dropped_columns.push_back(NextRow(&from, 3, {"dropped_time", "kind", "type"}));
  }
  const SchemaIdFunction id_of = [](const TableSchema&) { return SchemaId{1}; };
  const ClusterSchema schema = SchemaBuilder(id_of).Build(rows, {});
  for (const TableInfo& info : schema.tables()) {
    CHECK((info.schema == nullptr) == !info.unreadable.empty());
    CHECK(!TableToJson(info).empty());
  }
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    braid::ReadTable(bytes);
  } else {
    braid::ReadRows(bytes);
  }
  return 0;
}
