// Table definitions. Immutable: a change of a table is a new TableSchema with a new SchemaId, in which a column keeps
// the ColumnId that it has had since it was first seen.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "model/time.h"
#include "model/type.h"

namespace braid {

// A table's UUID, as 16 bytes. A dropped and recreated table has a new one.
struct TableId {
  std::array<uint8_t, 16> bytes{};

  // From exactly 16 bytes.
  static TableId FromBytes(ByteView bytes);
  ByteView view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  // "5a1c395e-b41f-11e5-9f22-ba0be0483c18".
  std::string ToString() const;
  auto operator<=>(const TableId&) const = default;
};

struct TableIdHash {
  size_t operator()(const TableId& id) const {
    return static_cast<size_t>(LoadBigEndian<uint64_t>(id.view().data()) ^
                               LoadBigEndian<uint64_t>(id.view().data() + 8));
  }
};

// A column of one table, for ever: its index in TableSchema::columns.
struct ColumnId {
  uint16_t value = 0;
  auto operator<=>(const ColumnId&) const = default;
};

enum class ColumnKind : uint8_t { kPartitionKey = 0, kClustering = 1, kStatic = 2, kRegular = 3 };

struct Column {
  ColumnId id;
  std::string name;  // as CQL stores it, case kept
  ColumnKind kind = ColumnKind::kRegular;
  uint16_t position = 0;  // among the key columns of its kind
  TypePtr type;
  bool descending = false;  // clustering order
  // In the table today. A dropped column stays listed, for the cells that logs still hold.
  bool dropped = false;
  // Cells and complex deletions written at or before this are of a column that was dropped since: they do not count,
  // also if the column was added again. None if it was never dropped.
  WriteTime dropped_at;

  bool multi_cell() const { return type->multi_cell(); }
};

// The identity of one immutable definition: a hash of its canonical form (codec/schema.h), equal everywhere.
struct SchemaId {
  uint64_t value = 0;
  auto operator<=>(const SchemaId&) const = default;
};

struct TableSchema {
  SchemaId id;
  TableId table_id;
  std::string keyspace;
  std::string table;
  // Every column that the table has or had; columns[i].id.value == i.
  std::vector<Column> columns;
  bool cdc = false;
  bool counter = false;
  int64_t gc_grace_s = 864000;

  // Indexes of today's columns by role, made by IndexColumns(): keys by position, the others by unsigned name bytes.
  std::vector<ColumnId> partition_key;
  std::vector<ColumnId> clustering;
  std::vector<ColumnId> statics;
  std::vector<ColumnId> regulars;

  // Fills the four lists from `columns`. Every maker of a TableSchema calls it last.
  void IndexColumns();

  const Column& column(ColumnId id_of_column) const { return columns[id_of_column.value]; }
  // The column of that name, dropped or not, or nullptr. A name is unique: a column added again keeps its id.
  const Column* FindColumn(std::string_view name) const;
  // "keyspace.table".
  std::string FullName() const { return keyspace + "." + table; }
};

using TableSchemaPtr = std::shared_ptr<const TableSchema>;

}  // namespace braid
