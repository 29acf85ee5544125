// Tables and mutations for tests of this room.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cassandra/commitlog/mutation_decoder.h"
#include "cassandra/rows/rows_test_util.h"
#include "model/schema.h"
#include "model/type.h"

namespace braid {

// Builds a definition column by column; ids go in the order of the calls.
class SchemaBuilderForTest {
 public:
  SchemaBuilderForTest(const char* id, const char* table) {
    schema_.table_id = TableId::FromBytes(id);
    schema_.keyspace = "ks";
    schema_.table = table;
  }
  SchemaBuilderForTest& Add(ColumnKind kind, const char* name, TypePtr type, bool descending = false) {
    Column column;
    column.id = {static_cast<uint16_t>(schema_.columns.size())};
    column.name = name;
    column.kind = kind;
    for (const Column& other : schema_.columns) column.position += other.kind == kind ? 1 : 0;
    column.type = std::move(type);
    column.descending = descending;
    schema_.columns.push_back(std::move(column));
    return *this;
  }
  SchemaBuilderForTest& Add(ColumnKind kind, const char* name, TypeKind type) {
    return Add(kind, name, SimpleType(type));
  }
  // The column added last was dropped at this time.
  SchemaBuilderForTest& DroppedAt(int64_t us) {
    schema_.columns.back().dropped = true;
    schema_.columns.back().dropped_at = {us};
    return *this;
  }
  TableSchema Build() {
    schema_.IndexColumns();
    return schema_;
  }

 private:
  TableSchema schema_;
};

// Films, each with what is said of it: a table with something of everything.
//   PRIMARY KEY (id int, at int DESC, who text); static studio text; title text, year int, tags set<int>, cast
//   map<text, int>, old text (dropped), size int
inline TableSchema FilmsTable() {
  return SchemaBuilderForTest("films-table-id-0", "films")
      .Add(ColumnKind::kPartitionKey, "id", TypeKind::kInt)
      .Add(ColumnKind::kClustering, "at", SimpleType(TypeKind::kInt), /*descending=*/true)
      .Add(ColumnKind::kClustering, "who", TypeKind::kText)
      .Add(ColumnKind::kStatic, "studio", TypeKind::kText)
      .Add(ColumnKind::kRegular, "title", TypeKind::kText)
      .Add(ColumnKind::kRegular, "year", TypeKind::kInt)
      .Add(ColumnKind::kRegular, "tags", SetOf(SimpleType(TypeKind::kInt), false))
      .Add(ColumnKind::kRegular, "cast", MapOf(SimpleType(TypeKind::kText), SimpleType(TypeKind::kInt), false))
      .Add(ColumnKind::kRegular, "old", TypeKind::kText)
      .DroppedAt(kStatsEpochUs + 5000)
      .Add(ColumnKind::kRegular, "size", TypeKind::kInt)
      .Build();
}

// A table without clustering columns, and with many columns: "c00" to "c79", all int.
inline TableSchema WideTable() {
  SchemaBuilderForTest builder("wide-table-id-01", "wide");
  builder.Add(ColumnKind::kPartitionKey, "id", TypeKind::kInt);
  for (int i = 0; i < 80; ++i) {
    const std::string name = {'c', static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
    builder.Add(ColumnKind::kRegular, name.c_str(), TypeKind::kInt);
  }
  return builder.Build();
}

class TablesForTest : public TableLookup {
 public:
  explicit TablesForTest(std::vector<TableSchema> tables = {FilmsTable(), WideTable()}) : tables_(std::move(tables)) {}

  const TableSchema* FindTable(const TableId& id) const override {
    for (const TableSchema& table : tables_) {
      if (table.table_id == id) return &table;
    }
    return nullptr;
  }

 private:
  std::vector<TableSchema> tables_;
};

inline std::string Int(int32_t value) {
  return RowBytes().I32(value).bytes();
}

// The beginning of a part: of the films table, with key 842, flags, and stats whose bases are the epochs.
inline RowBytes FilmPart(uint8_t flags) {
  return RowBytes().Raw("films-table-id-0").Text(Int(842)).U8(flags).Stats(kStatsEpochUs);
}

// Clustering of the films table: both values there.
inline std::string FilmClustering(int32_t at, std::string_view who) {
  return RowBytes().Vint(0).I32(at).Text(who).bytes();
}

}  // namespace braid
