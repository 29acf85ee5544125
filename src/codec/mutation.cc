#include "codec/mutation.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/cursor.h"
#include "base/vint.h"
#include "codec/parts.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr uint8_t kMutationVersion = 1;
constexpr const char* kMutationWhat = "mutation";
constexpr uint8_t kPartitionDeletion = 1;
constexpr uint8_t kStaticRow = 2;
constexpr uint8_t kRanges = 4;
constexpr uint8_t kPosition = 8;  // always, but in a transaction of the same position
constexpr uint8_t kMutationBits = 15;

constexpr uint8_t kTransactionVersion = 1;
constexpr const char* kTransactionWhat = "transaction";

codec::RowParts PartsOf(const RowUpdate& row) {
  return {row.liveness, row.deletion, row.complex_deletions, row.cells};
}

WriteTime BaseOf(const Mutation& mutation) {
  WriteTime first;
  if (mutation.static_row != nullptr) first = codec::FirstTime(PartsOf(*mutation.static_row));
  if (first.none() && !mutation.rows.empty()) first = codec::FirstTime(PartsOf(mutation.rows.front()));
  if (first.none()) first = mutation.partition_deletion.at;
  if (first.none() && !mutation.ranges.empty()) first = mutation.ranges.front().deletion.at;
  return first.none() ? WriteTime{0} : first;
}

void AppendRow(std::string* to, WriteTime base, const RowUpdate& row) {
  const codec::RowParts parts = PartsOf(row);
  codec::AppendVintBytes(to, row.key);
  codec::AppendVintBytes(to, row.clustering);
  to->push_back(static_cast<char>(codec::RowFlags(parts)));
  codec::AppendRowParts(to, base, parts);
}

void ReadRow(Cursor* from, WriteTime base, uint32_t column_limit, Arena* arena, RowUpdate* row) {
  row->key = from->VintBytes();
  row->clustering = from->VintBytes();
  const uint8_t flags = from->U8();
  if ((flags & ~codec::kRowPartBits) != 0) from->Fail("a row has unknown flags");
  const codec::RowParts parts = codec::ReadRowParts(from, base, flags, column_limit, arena);
  row->liveness = parts.liveness;
  row->deletion = parts.deletion;
  row->complex_deletions = parts.complex_deletions;
  row->cells = parts.cells;
}

// `outer` is the transaction's position, or nullptr.
void AppendMutationAt(std::string* to, const Mutation& mutation, const Position* outer) {
  const WriteTime base = BaseOf(mutation);
  uint8_t flags = 0;
  if (!mutation.partition_deletion.live()) flags |= kPartitionDeletion;
  if (mutation.static_row != nullptr) flags |= kStaticRow;
  if (!mutation.ranges.empty()) flags |= kRanges;
  if (outer == nullptr || *outer != mutation.position) flags |= kPosition;
  to->push_back(static_cast<char>(kMutationVersion));
  AppendBigEndian<uint64_t>(to, mutation.schema->id.value);
  to->push_back(static_cast<char>(flags));
  AppendBigEndian<int64_t>(to, mutation.token.value);
  if ((flags & kPosition) != 0) codec::AppendPosition(to, mutation.position);
  codec::AppendVintBytes(to, mutation.partition_key);
  AppendSignedVint(to, base.us);
  if ((flags & kPartitionDeletion) != 0) codec::AppendDeletion(to, base, mutation.partition_deletion);
  if ((flags & kStaticRow) != 0) AppendRow(to, base, *mutation.static_row);
  AppendVint(to, mutation.rows.size());
  for (const RowUpdate& row : mutation.rows) AppendRow(to, base, row);
  if ((flags & kRanges) != 0) codec::AppendRanges(to, base, mutation.ranges);
}

Result<Mutation> DecodeMutationAt(ByteView bytes, const Position* outer, const SchemaLookup& schemas, Arena* arena) {
  Cursor from(bytes);
  TRY(ReadVersion(&from, kMutationVersion, kMutationWhat));
  Mutation mutation;
  const SchemaId schema_id{from.U64()};
  const uint8_t flags = from.U8();
  if ((flags & ~kMutationBits) != 0) from.Fail("unknown flags");
  if (outer == nullptr && (flags & kPosition) == 0) from.Fail("a mutation on its own has no position");
  if (!from.ok()) return CorruptRecord(from, kMutationWhat);
  ASSIGN_OR_RETURN(mutation.schema, FindSchema(schemas, schema_id, kMutationWhat));
  const auto column_limit = static_cast<uint32_t>(mutation.schema->columns.size());

  mutation.token = Token{from.I64()};
  mutation.position = (flags & kPosition) != 0 ? codec::ReadPosition(&from) : *outer;
  mutation.partition_key = from.VintBytes();
  const WriteTime base{from.SignedVint()};
  if ((flags & kPartitionDeletion) != 0) mutation.partition_deletion = codec::ReadDeletion(&from, base);
  if ((flags & kStaticRow) != 0) {
    auto* row = arena->New<RowUpdate>();
    ReadRow(&from, base, column_limit, arena, row);
    mutation.static_row = row;
  }
  // A row takes at least the lengths of its key and clustering, its flags and its number of cells.
  const std::span<RowUpdate> rows = arena->NewArray<RowUpdate>(codec::ReadCount(&from, 4));
  for (RowUpdate& row : rows) {
    ReadRow(&from, base, column_limit, arena, &row);
    if (!from.ok()) break;
  }
  mutation.rows = rows;
  if ((flags & kRanges) != 0) mutation.ranges = codec::ReadRanges(&from, base, arena);
  TRY(FinishRecord(&from, kMutationWhat));
  return mutation;
}

}  // namespace

void AppendMutation(std::string* to, const Mutation& mutation) {
  AppendMutationAt(to, mutation, nullptr);
}

Result<Mutation> DecodeMutation(ByteView bytes, const SchemaLookup& schemas, Arena* arena) {
  return DecodeMutationAt(bytes, nullptr, schemas, arena);
}

Result<SchemaId> MutationSchemaId(ByteView bytes) {
  Cursor from(bytes);
  TRY(ReadVersion(&from, kMutationVersion, kMutationWhat));
  const SchemaId id{from.U64()};
  if (!from.ok()) return CorruptRecord(from, kMutationWhat);
  return id;
}

void AppendTransaction(std::string* to, const Transaction& transaction) {
  to->push_back(static_cast<char>(kTransactionVersion));
  codec::AppendPosition(to, transaction.position);
  AppendVint(to, transaction.mutations.size());
  for (const Mutation& mutation : transaction.mutations) {
    const size_t length_at = to->size();
    to->append(sizeof(uint32_t), '\0');
    AppendMutationAt(to, mutation, &transaction.position);
    const size_t length = to->size() - length_at - sizeof(uint32_t);
    CHECK(length <= UINT32_MAX);
    StoreBigEndian<uint32_t>(to->data() + length_at, static_cast<uint32_t>(length));
  }
}

Result<Transaction> DecodeTransaction(ByteView bytes, const SchemaLookup& schemas, Arena* arena) {
  Cursor from(bytes);
  TRY(ReadVersion(&from, kTransactionVersion, kTransactionWhat));
  Transaction transaction;
  transaction.position = codec::ReadPosition(&from);
  // A mutation takes at least its length, version, definition, flags and token.
  const size_t count = codec::ReadCount(&from, 22);
  if (!from.ok()) return CorruptRecord(from, kTransactionWhat);
  const std::span<Mutation> mutations = arena->NewArray<Mutation>(count);
  for (Mutation& mutation : mutations) {
    const ByteView one = from.Bytes(from.U32());
    if (!from.ok()) return CorruptRecord(from, kTransactionWhat);
    auto decoded = DecodeMutationAt(one, &transaction.position, schemas, arena);
    if (!decoded.has_value()) return decoded.error().At(kTransactionWhat);
    mutation = *decoded;
  }
  transaction.mutations = mutations;
  TRY(FinishRecord(&from, kTransactionWhat));
  return transaction;
}

}  // namespace braid
