#include "capture/schema_record.h"

#include <utility>

#include "base/check.h"
#include "base/cursor.h"
#include "base/vint.h"
#include "codec/schema.h"
#include "codec/version.h"

namespace braid {
namespace {

using Kind = SchemaRecord::Kind;

// Kinds as bytes have them: those of SchemaRecord, and some of them with what only a shared journal needs.
constexpr uint8_t kDefinitionOnBase = 6;
constexpr uint8_t kDroppedAt = 7;
constexpr uint8_t kHistoryKnownOfBase = 8;
constexpr uint8_t kBaselineOfNode = 10;

uint8_t KindByte(const SchemaRecord& record) {
  switch (record.kind) {
    case Kind::kDefinition:
      return record.base.has_value() ? kDefinitionOnBase : static_cast<uint8_t>(record.kind);
    case Kind::kDropped:
      return record.written_at.none() ? static_cast<uint8_t>(record.kind) : kDroppedAt;
    case Kind::kHistoryKnown:
      return record.base.has_value() ? kHistoryKnownOfBase : static_cast<uint8_t>(record.kind);
    case Kind::kBaseline:
      return record.witness.has_value() ? kBaselineOfNode : static_cast<uint8_t>(record.kind);
    default:
      return static_cast<uint8_t>(record.kind);
  }
}

void AppendWitness(std::string* to, const SchemaWitness& witness) {
  to->append(reinterpret_cast<const char*>(witness.host.data()), witness.host.size());
  AppendVint(to, witness.of_nodes);
}

SchemaWitness ReadWitness(Cursor* from) {
  SchemaWitness witness;
  const ByteView host = from->Bytes(witness.host.size());
  const uint64_t of_nodes = from->Vint();
  if (!from->ok()) return witness;
  std::memcpy(witness.host.data(), host.data(), host.size());
  if (of_nodes == 0 || of_nodes > UINT16_MAX) from->Fail("there are no or too many nodes");
  witness.of_nodes = static_cast<uint32_t>(of_nodes);
  return witness;
}

// A time that is one: without it the record would be of another kind.
WriteTime ReadTime(Cursor* from) {
  const WriteTime time{from->SignedVint()};
  if (time.none()) from->Fail("a time is missing");
  return time;
}

TableId ReadTableId(Cursor* from) {
  const ByteView id = from->Bytes(sizeof(TableId::bytes));
  return from->ok() ? TableId::FromBytes(id) : TableId();
}

Status ReadDefinition(Cursor* from, SchemaRecord* record) {
  const ByteView definition = from->VintBytes();
  if (!from->ok()) return {};
  ASSIGN_OR_RETURN(record->schema, DecodeTableSchema(definition));
  record->table = record->schema->table_id;
  return {};
}

Status ReadRecord(Cursor* from, SchemaRecord* record) {
  const uint8_t kind = from->U8();
  record->kind = static_cast<Kind>(kind);
  switch (kind) {
    case kDefinitionOnBase:
      record->kind = Kind::kDefinition;
      record->base = SchemaId{from->U64()};
      record->written_at = ReadTime(from);
      [[fallthrough]];
    case static_cast<uint8_t>(Kind::kDefinition):
      record->changed_at = {from->SignedVint()};
      return ReadDefinition(from, record);
    case kDroppedAt:
      record->kind = Kind::kDropped;
      record->written_at = ReadTime(from);
      break;
    case kHistoryKnownOfBase:
      record->kind = Kind::kHistoryKnown;
      record->base = SchemaId{from->U64()};
      break;
    case static_cast<uint8_t>(Kind::kHistoryLogged):
      record->witness = ReadWitness(from);
      break;
    case static_cast<uint8_t>(Kind::kIntroduced):
      record->witness = ReadWitness(from);
      return {};
    case kBaselineOfNode:
      record->kind = Kind::kBaseline;
      record->witness = ReadWitness(from);
      return {};
    case static_cast<uint8_t>(Kind::kBaseline):
      return {};
    case static_cast<uint8_t>(Kind::kDropped):
    case static_cast<uint8_t>(Kind::kHistoryKnown):
    case static_cast<uint8_t>(Kind::kHistoryUnknown):
      break;
    default:
      from->Fail("there is no such kind of record");
      return {};
  }
  record->table = ReadTableId(from);
  return {};
}

}  // namespace

void AppendSchemaRecord(std::string* to, const SchemaRecord& record) {
  to->push_back(static_cast<char>(KindByte(record)));
  if (record.base.has_value()) AppendBigEndian(to, record.base->value);
  if (!record.written_at.none()) AppendSignedVint(to, record.written_at.us);
  if (record.witness.has_value()) AppendWitness(to, *record.witness);
  if (record.kind == Kind::kBaseline || record.kind == Kind::kIntroduced) return;
  if (record.kind != Kind::kDefinition) {
    to->append(record.table.view());
    return;
  }
  CHECK(record.base.has_value() == !record.written_at.none());
  std::string definition;
  AppendTableSchema(&definition, *record.schema);
  AppendSignedVint(to, record.changed_at.us);
  AppendVint(to, definition.size());
  to->append(definition);
}

Status DecodeSchemaRecords(ByteView bytes, const char* what, std::vector<SchemaRecord>* records) {
  Cursor from(bytes);
  while (from.ok() && !from.AtEnd()) {
    SchemaRecord record;
    TRY(ReadRecord(&from, &record));
    records->push_back(std::move(record));
  }
  return FinishRecord(&from, what);
}

}  // namespace braid
