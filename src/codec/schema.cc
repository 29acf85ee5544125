#include "codec/schema.h"

#include <fmt/format.h>

#include <limits>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"
#include "base/cursor.h"
#include "base/vint.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr uint8_t kVersion = 1;
constexpr const char* kWhat = "table schema";

// Deeper types than CQL writers make; keeps hostile bytes from exhausting the stack.
constexpr int kMaxTypeDepth = 64;

constexpr uint8_t kFrozenBit = 0x80;

constexpr uint8_t kTableCdc = 1;
constexpr uint8_t kTableCounter = 2;
constexpr uint8_t kTableBits = 3;

constexpr uint8_t kColumnKindBits = 3;
constexpr uint8_t kColumnDescending = 4;
constexpr uint8_t kColumnDropped = 8;
constexpr uint8_t kColumnDroppedAt = 16;
constexpr uint8_t kColumnBits = 31;

void AppendText(std::string* to, ByteView text) {
  AppendVint(to, text.size());
  to->append(text);
}

std::string ReadText(Cursor* from) {
  return std::string(from->VintBytes());
}

void AppendType(std::string* to, const Type& type) {
  to->push_back(static_cast<char>(static_cast<uint8_t>(type.kind) | (type.frozen ? kFrozenBit : 0)));
  switch (type.kind) {
    case TypeKind::kVector:
      AppendVint(to, type.dimension);
      break;
    case TypeKind::kTuple:
      AppendVint(to, type.args.size());
      break;
    case TypeKind::kUdt:
      CHECK(type.field_names.size() == type.args.size());
      AppendText(to, type.keyspace);
      AppendText(to, type.name);
      AppendVint(to, type.args.size());
      for (const std::string& name : type.field_names) AppendText(to, name);
      break;
    case TypeKind::kCustom:
      AppendText(to, type.class_name);
      break;
    default:
      break;
  }
  for (const TypePtr& arg : type.args) AppendType(to, *arg);
}

// A count of things that take at least a byte each; fails if they cannot all be there.
size_t ReadCount(Cursor* from) {
  const uint64_t count = from->Vint();
  if (count > from->remaining()) {
    from->Fail("a count exceeds the bytes that follow");
    return 0;
  }
  return static_cast<size_t>(count);
}

TypePtr ReadType(Cursor* from, int depth) {
  auto type = std::make_shared<Type>();
  if (depth > kMaxTypeDepth) {
    from->Fail("a type is nested too deeply");
    return type;
  }
  const uint8_t head = from->U8();
  const uint8_t kind = head & ~kFrozenBit;
  if (kind < static_cast<uint8_t>(TypeKind::kAscii) || kind > static_cast<uint8_t>(TypeKind::kCustom)) {
    from->Fail("there is no such type");
    return type;
  }
  type->kind = static_cast<TypeKind>(kind);
  type->frozen = (head & kFrozenBit) != 0;
  size_t args = 0;
  switch (type->kind) {
    case TypeKind::kList:
    case TypeKind::kSet:
      args = 1;
      break;
    case TypeKind::kMap:
      args = 2;
      break;
    case TypeKind::kVector: {
      const uint64_t dimension = from->Vint();
      if (dimension > std::numeric_limits<int32_t>::max()) from->Fail("a vector has too many dimensions");
      type->dimension = static_cast<uint32_t>(dimension);
      args = 1;
      break;
    }
    case TypeKind::kTuple:
      args = ReadCount(from);
      break;
    case TypeKind::kUdt:
      type->keyspace = ReadText(from);
      type->name = ReadText(from);
      args = ReadCount(from);
      for (size_t i = 0; i < args && from->ok(); ++i) type->field_names.push_back(ReadText(from));
      break;
    case TypeKind::kCustom:
      type->class_name = ReadText(from);
      break;
    default:
      break;
  }
  for (size_t i = 0; i < args && from->ok(); ++i) type->args.push_back(ReadType(from, depth + 1));
  return type;
}

void AppendColumn(std::string* to, const Column& column) {
  uint8_t head = static_cast<uint8_t>(column.kind);
  if (column.descending) head |= kColumnDescending;
  if (column.dropped) head |= kColumnDropped;
  if (!column.dropped_at.none()) head |= kColumnDroppedAt;
  to->push_back(static_cast<char>(head));
  AppendText(to, column.name);
  AppendVint(to, column.position);
  if (!column.dropped_at.none()) AppendSignedVint(to, column.dropped_at.us);
  AppendType(to, *column.type);
}

Column ReadColumn(Cursor* from) {
  Column column;
  const uint8_t head = from->U8();
  if ((head & ~kColumnBits) != 0) from->Fail("a column has unknown flags");
  column.kind = static_cast<ColumnKind>(head & kColumnKindBits);
  column.descending = (head & kColumnDescending) != 0;
  column.dropped = (head & kColumnDropped) != 0;
  column.name = ReadText(from);
  const uint64_t position = from->Vint();
  if (position > std::numeric_limits<uint16_t>::max()) from->Fail("a column's position is too large");
  column.position = static_cast<uint16_t>(position);
  if ((head & kColumnDroppedAt) != 0) column.dropped_at = WriteTime{from->SignedVint()};
  column.type = ReadType(from, 0);
  return column;
}

}  // namespace

void AppendTableSchema(std::string* to, const TableSchema& schema) {
  to->push_back(static_cast<char>(kVersion));
  to->append(schema.table_id.view());
  AppendText(to, schema.keyspace);
  AppendText(to, schema.table);
  to->push_back(static_cast<char>((schema.cdc ? kTableCdc : 0) | (schema.counter ? kTableCounter : 0)));
  AppendSignedVint(to, schema.gc_grace_s);
  AppendVint(to, schema.columns.size());
  for (const Column& column : schema.columns) AppendColumn(to, column);
}

SchemaId ComputeSchemaId(const TableSchema& schema) {
  std::string bytes;
  AppendTableSchema(&bytes, schema);
  return SchemaId{Hash64(bytes)};
}

Result<TableSchemaPtr> DecodeTableSchema(ByteView bytes) {
  Cursor from(bytes);
  TRY(ReadVersion(&from, kVersion, kWhat));
  auto schema = std::make_shared<TableSchema>();
  const ByteView table_id = from.Bytes(schema->table_id.bytes.size());
  if (from.ok()) schema->table_id = TableId::FromBytes(table_id);
  schema->keyspace = ReadText(&from);
  schema->table = ReadText(&from);
  const uint8_t flags = from.U8();
  if ((flags & ~kTableBits) != 0) from.Fail("the table has unknown flags");
  schema->cdc = (flags & kTableCdc) != 0;
  schema->counter = (flags & kTableCounter) != 0;
  schema->gc_grace_s = from.SignedVint();
  const size_t count = ReadCount(&from);
  if (count > std::numeric_limits<uint16_t>::max()) from.Fail("the table has too many columns");
  for (size_t i = 0; i < count && from.ok(); ++i) {
    schema->columns.push_back(ReadColumn(&from));
    schema->columns.back().id = ColumnId{static_cast<uint16_t>(i)};
  }
  TRY(FinishRecord(&from, kWhat));
  schema->IndexColumns();
  // Not the hash of `bytes`: they may spell an integer longer than need be.
  schema->id = ComputeSchemaId(*schema);
  return TableSchemaPtr(std::move(schema));
}

Result<const TableSchema*> FindSchema(const SchemaLookup& schemas, SchemaId id, const char* what) {
  const TableSchema* schema = schemas.Find(id);
  if (schema == nullptr) {
    return NotFound(fmt::format("{}: names the table definition {:016x}, which is not known", what, id.value));
  }
  return schema;
}

}  // namespace braid
