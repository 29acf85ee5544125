#include "codec/testing/maker.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace braid::testing {
namespace {

constexpr int64_t kNow = 1'763'700'000'000'000;

}  // namespace

ByteView Maker::Bytes(size_t limit) {
  std::string bytes(Below(limit + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(Below(256));
  return arena_->Copy(bytes);
}

int64_t Maker::AnyInt64() {
  switch (Below(8)) {
    case 0:
      return std::numeric_limits<int64_t>::max();
    case 1:
      return std::numeric_limits<int64_t>::min() + 1;
    case 2:
      return static_cast<int64_t>(random_());
    default:
      return static_cast<int64_t>(Below(200)) - 100;
  }
}

WriteTime Maker::Time() {
  if (Below(16) > 0) return WriteTime{kNow + static_cast<int64_t>(Below(Coin() ? 3 : 100'000'000))};
  const int64_t us = AnyInt64();
  return WriteTime{us == std::numeric_limits<int64_t>::min() ? 0 : us};
}

UnixSeconds Maker::Seconds() {
  if (Below(16) > 0) return UnixSeconds{kNow / 1'000'000 + static_cast<int64_t>(Below(100))};
  return Coin() ? UnixSeconds::Never() : UnixSeconds{AnyInt64()};
}

Deletion Maker::MakeDeletion() {
  return {Time(), Seconds()};
}

Bound Maker::MakeBound() {
  return {Bytes(12), Bytes(12), static_cast<uint16_t>(Below(Coin() ? 4 : 65536)), Coin()};
}

Position Maker::MakePosition() {
  return {NodeIndex{static_cast<uint16_t>(Below(Coin() ? 3 : 65536))},
          SegmentId{Coin() ? AnyInt64() : 1'763'700'000'000}, Coin() ? Below(1 << 25) : random_()};
}

Sequence Maker::MakeSequence() {
  return {Coin() ? Below(10) : random_(), static_cast<uint32_t>(Below(Coin() ? 16 : 1ull << 32)), random_()};
}

TypePtr Maker::MakeType(int depth) {
  const uint64_t kind = 1 + Below(depth > 3 ? 21 : 28);
  switch (static_cast<TypeKind>(kind)) {
    case TypeKind::kList:
      return ListOf(MakeType(depth + 1), Coin());
    case TypeKind::kSet:
      return SetOf(MakeType(depth + 1), Coin());
    case TypeKind::kMap:
      return MapOf(MakeType(depth + 1), MakeType(depth + 1), Coin());
    case TypeKind::kTuple: {
      std::vector<TypePtr> fields;
      for (uint64_t i = Below(4); i > 0; --i) fields.push_back(MakeType(depth + 1));
      return TupleOf(std::move(fields));
    }
    case TypeKind::kVector:
      return VectorOf(MakeType(depth + 1), static_cast<uint32_t>(1 + Below(8)));
    case TypeKind::kUdt: {
      auto type = std::make_shared<Type>();
      type->kind = TypeKind::kUdt;
      type->frozen = Coin();
      type->keyspace = Bytes(5);
      type->name = Bytes(5);
      for (uint64_t i = Below(4); i > 0; --i) {
        type->args.push_back(MakeType(depth + 1));
        type->field_names.emplace_back(Bytes(6));
      }
      return type;
    }
    case TypeKind::kCustom: {
      auto type = std::make_shared<Type>();
      type->kind = TypeKind::kCustom;
      type->class_name = Bytes(40);
      return type;
    }
    default:
      return SimpleType(static_cast<TypeKind>(kind));
  }
}

TableSchemaPtr Maker::MakeSchema() {
  auto schema = std::make_shared<TableSchema>();
  for (uint8_t& byte : schema->table_id.bytes) byte = static_cast<uint8_t>(Below(256));
  schema->id = SchemaId{random_()};
  schema->keyspace = Bytes(10);
  schema->table = Bytes(10);
  schema->cdc = Coin();
  schema->counter = Coin();
  schema->gc_grace_s = Coin() ? 864000 : AnyInt64();
  const size_t count = 1 + Below(Coin() ? 6 : 70);
  for (size_t i = 0; i < count; ++i) {
    Column& column = schema->columns.emplace_back();
    column.id = ColumnId{static_cast<uint16_t>(i)};
    column.name = std::to_string(i) + std::string(Bytes(6));
    column.kind = static_cast<ColumnKind>(Below(4));
    column.position = static_cast<uint16_t>(Below(4));
    column.type = MakeType(0);
    column.descending = Coin();
    column.dropped = Below(5) == 0;
    if (Below(5) == 0) column.dropped_at = Time();
  }
  schema->IndexColumns();
  return schema;
}

std::span<const ColumnId> Maker::Columns(const TableSchema& schema) {
  std::vector<ColumnId> ids;
  for (const Column& column : schema.columns) {
    if (Coin()) ids.push_back(column.id);
  }
  return arena_->CopyArray(ids);
}

Cell Maker::MakeCell(ColumnId column, bool multi) {
  Cell cell;
  cell.column = column;
  cell.kind = static_cast<CellKind>(Below(3));
  cell.at = Time();
  if (cell.kind == CellKind::kExpiring) cell.ttl_s = static_cast<int32_t>(Coin() ? 60 : AnyInt64());
  if (cell.kind != CellKind::kLive) cell.local_deletion = Seconds();
  if (multi) cell.path = Bytes(16);
  if (cell.kind != CellKind::kTombstone) cell.value = Bytes(Below(20) == 0 ? 300 : 12);
  return cell;
}

void Maker::FillRow(const TableSchema& schema, Liveness* liveness, Deletion* deletion,
                    std::span<const ComplexDeletion>* complex_deletions, std::span<const Cell>* cells) {
  if (Coin()) {
    liveness->at = Time();
    if (Below(3) == 0) *liveness = {liveness->at, 60, Seconds()};
  }
  if (Below(4) == 0) *deletion = MakeDeletion();
  std::vector<ComplexDeletion> complex;
  std::vector<Cell> made;
  for (const Column& column : schema.columns) {
    if (Coin()) continue;
    const bool multi = column.multi_cell();
    if (multi && Coin()) complex.push_back({column.id, MakeDeletion()});
    for (uint64_t i = multi ? Below(5) : 1; i > 0; --i) made.push_back(MakeCell(column.id, multi));
    // A good part of real rows was written at once, with one TTL.
    if (made.size() > 1 && Coin()) made.back().at = made[made.size() - 2].at;
  }
  *complex_deletions = arena_->CopyArray(complex);
  *cells = arena_->CopyArray(made);
}

std::span<const RangeDeletion> Maker::MakeRanges() {
  std::vector<RangeDeletion> ranges;
  for (uint64_t i = Below(4); i > 0; --i) ranges.push_back({MakeBound(), MakeBound(), MakeDeletion()});
  return arena_->CopyArray(ranges);
}

Mutation Maker::MakeMutation(const TableSchema& schema) {
  Mutation mutation;
  mutation.schema = &schema;
  mutation.token = Token{AnyInt64()};
  mutation.partition_key = Bytes(20);
  mutation.position = MakePosition();
  if (Below(4) == 0) mutation.partition_deletion = MakeDeletion();
  if (Below(3) == 0) {
    auto* row = arena_->New<RowUpdate>();
    FillRow(schema, &row->liveness, &row->deletion, &row->complex_deletions, &row->cells);
    mutation.static_row = row;
  }
  const std::span<RowUpdate> rows = arena_->NewArray<RowUpdate>(Below(5));
  for (RowUpdate& row : rows) {
    row.key = Bytes(10);
    row.clustering = Bytes(10);
    FillRow(schema, &row.liveness, &row.deletion, &row.complex_deletions, &row.cells);
  }
  mutation.rows = rows;
  if (Below(3) == 0) mutation.ranges = MakeRanges();
  return mutation;
}

Transaction Maker::MakeTransaction(std::span<const TableSchemaPtr> schemas) {
  Transaction transaction;
  transaction.position = MakePosition();
  const std::span<Mutation> mutations = arena_->NewArray<Mutation>(Below(4));
  for (Mutation& mutation : mutations) {
    mutation = MakeMutation(*schemas[Below(schemas.size())]);
    if (Coin()) mutation.position = transaction.position;
  }
  transaction.mutations = mutations;
  return transaction;
}

RowState Maker::MakeRowState(const TableSchema& schema) {
  RowState state;
  state.clustering = Bytes(10);
  FillRow(schema, &state.liveness, &state.deletion, &state.complex_deletions, &state.cells);
  state.revision = Coin() ? Below(1000) : random_();
  if (Coin()) state.last_emitted = state.liveness.none() ? Time() : state.liveness.at;
  if (Below(4) == 0) state.expired_through = Seconds();
  state.complete = Below(4) > 0;
  if (!state.complete) state.unknown = Columns(schema);
  return state;
}

PartitionHeader Maker::MakeHeader() {
  PartitionHeader header;
  if (Coin()) header.deletion = MakeDeletion();
  header.ranges = MakeRanges();
  if (Below(8) > 0) header.clock = Time();
  if (Coin()) header.last_emitted = Coin() ? header.clock : Time();
  header.complete = Coin();
  return header;
}

const Image* Maker::MakeImage(const Change& change) {
  std::vector<ColumnValue> values;
  const TableSchema& schema = *change.schema;
  for (const ColumnId id : change.row == RowKind::kStatic ? schema.statics : schema.regulars) {
    if (std::ranges::find(change.unknown, id) != change.unknown.end()) continue;
    ColumnValue& value = values.emplace_back();
    value.column = id;
    value.null = Below(4) == 0;
    // Few values, so that before and after often agree.
    if (!value.null) value.value = Coin() ? ByteView("same") : Bytes(10);
  }
  // An image may be bare, and a decoder must bear one of other columns than the definition's.
  if (Below(8) == 0) values.clear();
  if (!values.empty() && Below(8) == 0) values.pop_back();
  auto* image = arena_->New<Image>();
  image->columns = arena_->CopyArray(values);
  return image;
}

Change Maker::MakeChange(const TableSchema& schema) {
  Change change;
  change.sequence = MakeSequence();
  change.schema = &schema;
  change.token = Token{AnyInt64()};
  change.partition_key = Bytes(20);
  change.row = static_cast<RowKind>(Below(3));
  change.clustering = Bytes(10);
  if (change.row == RowKind::kRange) {
    change.range_start = MakeBound();
    change.range_end = MakeBound();
  }
  change.op = static_cast<Op>(Below(5));
  change.cause = static_cast<Cause>(Below(9));
  change.ts = Time();
  change.origin = MakePosition();
  change.revision = Coin() ? Below(1000) : random_();
  change.written = Columns(schema);
  change.complete = Coin();
  if (!change.complete) change.unknown = Columns(schema);
  change.late = Coin();
  change.confirmed = Coin();
  change.snapshot = static_cast<SnapshotMark>(Below(4));
  if (Below(3) > 0) change.before = MakeImage(change);
  if (Below(3) > 0) change.after = MakeImage(change);
  return change;
}

Commit Maker::MakeCommit() {
  Commit commit;
  commit.shard = static_cast<uint32_t>(Below(Coin() ? 16 : 1ull << 32));
  commit.number = random_();
  for (uint64_t i = Below(4); i > 0; --i) commit.positions.push_back({MakePosition()});
  for (uint64_t i = Below(3); i > 0; --i) commit.schemas.push_back(MakeSchema());
  for (uint64_t i = Below(5); i > 0; --i) {
    StateWrite write{std::string(Bytes(20)), "", Coin()};
    if (!write.erased) write.value = Bytes(200);
    commit.state.push_back(std::move(write));
  }
  for (uint64_t i = Below(5); i > 0; --i) commit.timers.push_back({Seconds(), std::string(Bytes(20)), Coin()});
  commit.first_sequence = MakeSequence();
  for (uint64_t i = Below(5); i > 0; --i) commit.changes.emplace_back(Bytes(200));
  return commit;
}

}  // namespace braid::testing
