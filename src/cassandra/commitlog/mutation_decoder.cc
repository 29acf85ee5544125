#include "cassandra/commitlog/mutation_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/cursor.h"
#include "cassandra/murmur3/murmur3.h"

namespace braid {

namespace {

constexpr size_t kTableIdBytes = 16;
constexpr size_t kMaxKeyBytes = 65535;
// Of a part: table id, key length, flags.
constexpr size_t kMinPartBytes = kTableIdBytes + 2;

constexpr uint8_t kEmpty = 0x01;
constexpr uint8_t kReversed = 0x02;
constexpr uint8_t kPartitionDeletion = 0x04;
constexpr uint8_t kStaticRow = 0x08;
constexpr uint8_t kRowEstimate = 0x10;
constexpr uint8_t kKnownFlags = 0x1F;

}  // namespace

bool IsSystemTableId(const TableId& id) {
  return (id.bytes[6] >> 4) == 3;
}

std::string UnreadPart::Describe() const {
  const std::string what = schema == nullptr
                               ? fmt::format("table id {} is unknown", table.ToString())
                               : fmt::format("table {} has no column '{}' that is known", schema->FullName(), column);
  return fmt::format(
      "{}: part {} of {} of a mutation and what follows it, {} bytes, cannot be read; give the node's newest schema "
      "(its data/system_schema, flushed after the last schema change)",
      what, part + 1, parts, bytes.size());
}

MutationDecoder::Table::Table(const TableSchema* of, bool is_wanted, std::span<const ColumnId> excluded)
    : schema(of),
      wanted(is_wanted),
      clustering(*of),
      rows(&clustering, /*sized=*/false),
      statics(*of, ColumnKind::kStatic, excluded),
      regulars(*of, ColumnKind::kRegular, excluded) {}

MutationDecoder::MutationDecoder(const TableLookup* tables, MutationOptions options)
    : tables_(tables), options_(std::move(options)) {}

void MutationDecoder::ForgetTables() {
  known_.clear();
  recent_ = {};
}

MutationDecoder::Table* MutationDecoder::FindTable(ByteView bytes) {
  // Ids made one after another differ in their first bytes, those of Cassandra's own tables everywhere.
  Table*& recent = recent_[static_cast<uint8_t>(bytes[0] ^ bytes[1] ^ bytes[2] ^ bytes[3]) % recent_.size()];
  if (recent != nullptr && std::memcmp(recent->schema->table_id.bytes.data(), bytes.data(), kTableIdBytes) == 0) {
    return recent;
  }
  const TableId id = TableId::FromBytes(bytes);
  auto found = known_.find(id);
  if (found == known_.end()) {
    const TableSchema* const schema = tables_->FindTable(id);
    if (schema == nullptr) return nullptr;
    found = known_
                .emplace(id, std::make_unique<Table>(
                                 schema, !options_.wanted || options_.wanted(*schema),
                                 options_.excluded ? options_.excluded(*schema) : std::vector<ColumnId>()))
                .first;
  }
  return recent = found->second.get();
}

Result<const DecodedMutation*> MutationDecoder::Decode(ByteView payload, DeletionTimes times,
                                                       const Position& position) {
  arena_.Reset();
  times_ = times;
  Cursor from(payload);
  const uint64_t parts = from.Vint();
  if (parts == 0 || parts > from.remaining() / kMinPartBytes) {
    return Corrupt(fmt::format("a mutation of {} bytes claims {} parts", payload.size(), parts));
  }
  DecodedMutation& decoded = decoded_;
  decoded.unread.reset();
  decoded.parts = static_cast<uint32_t>(parts);
  decoded.transaction.position = position;
  const std::span<Mutation> mutations = arena_.NewArray<Mutation>(parts);
  const std::span<uint32_t> indexes = arena_.NewArray<uint32_t>(parts);
  size_t given = 0;
  for (uint32_t i = 0; i < parts; ++i) {
    const ByteView rest(from.position(), from.remaining());
    const ByteView id = from.Bytes(kTableIdBytes);
    if (!from.ok()) return Corrupt(fmt::format("a mutation ends within its part {} of {}", i + 1, parts));
    Table* const table = FindTable(id);
    const bool last = i + 1 == parts;
    if (table != nullptr && last && !table->wanted) break;  // nothing behind it is of interest
    ByteView unknown_column;
    const bool read = table != nullptr && DecodePart(&from, table, last, &mutations[given], &unknown_column);
    if (!read) {
      if (!from.ok() && unknown_column.data() == nullptr) return CorruptPart(from, *table, i);
      decoded.unread = UnreadPart{.table = TableId::FromBytes(id),
                                  .schema = table == nullptr ? nullptr : table->schema,
                                  .column = unknown_column,
                                  .part = i,
                                  .parts = decoded.parts,
                                  .bytes = rest};
      break;
    }
    if (last && !from.AtEnd()) {
      from.Fail("bytes behind the last part");
      return CorruptPart(from, *table, i);
    }
    if (!table->wanted) {
      mutations[given] = {};
      continue;
    }
    mutations[given].position = position;
    indexes[given] = i;
    ++given;
  }
  decoded.transaction.mutations = mutations.first(given);
  decoded.part_indexes = indexes.first(given);
  return &decoded;
}

Error MutationDecoder::CorruptPart(const Cursor& at, const Table& table, uint32_t part) const {
  return Corrupt(fmt::format("table {}: part {} of a mutation does not parse at its byte {}: {}",
                             table.schema->FullName(), part + 1, at.failed_offset(), at.reason()));
}

// Decodes what follows a part's table id. False if the cursor failed, or if `unknown_column` is set.
bool MutationDecoder::DecodePart(Cursor* from, Table* table, bool last, Mutation* part, ByteView* unknown_column) {
  part->schema = table->schema;
  part->partition_key = from->VintBytes();
  const uint8_t flags = from->U8();
  if (!from->ok()) return false;
  if (part->partition_key.size() > kMaxKeyBytes) from->Fail("a partition key is too long");
  if ((flags & kReversed) != 0) from->Fail("an update in reverse order");
  if ((flags & ~kKnownFlags) != 0) from->Fail("an update with unknown flags");
  part->token = Murmur3Token(part->partition_key);
  if ((flags & kEmpty) != 0 || !from->ok()) return from->ok();

  const EncodingStats stats = ReadEncodingStats(from);
  const ColumnList* statics = nullptr;
  if ((flags & kStaticRow) != 0) {
    statics = table->statics.Read(from, unknown_column);
    if (statics == nullptr) return false;
  }
  const ColumnList* const regulars = table->regulars.Read(from, unknown_column);
  if (regulars == nullptr) return false;
  if ((flags & kPartitionDeletion) != 0) part->partition_deletion = ReadDeletion(from, stats, times_);

  table->rows.SetHeader(stats, times_, statics, regulars);
  if (statics != nullptr) {
    RowUpdate row;
    if (table->rows.ReadStatic(from, &arena_, &row) && from->ok()) {
      RowUpdate* const kept = arena_.New<RowUpdate>();
      *kept = row;
      part->static_row = kept;
    }
  }
  if ((flags & kRowEstimate) != 0) from->Vint();
  return from->ok() && DecodeRows(from, table, last, part);
}

// Reads rows and markers up to the end of the partition. Those of the last part stay in the buffers that they are read
// into, which no other part will need.
bool MutationDecoder::DecodeRows(Cursor* from, Table* table, bool last, Mutation* part) {
  rows_.clear();
  ranges_.clear();
  pairer_.Reset();
  RangeMarker marker;
  RowReader::Kind kind;
  do {
    kind = table->rows.Next(from, &arena_, &rows_.emplace_back(), &marker);
    if (kind != RowReader::Kind::kRow) rows_.pop_back();
    if (kind == RowReader::Kind::kMarker) {
      const std::optional<RangeDeletion> range = pairer_.Take(marker);
      if (pairer_.error() != nullptr) from->Fail(pairer_.error());
      if (range) ranges_.push_back(*range);
    }
  } while (kind != RowReader::Kind::kEnd);
  if (pairer_.open() != nullptr) from->Fail("a range deletion without an end");
  if (rows_.size() > 1 && !OrderRows()) from->Fail("two rows of one clustering");
  if (!from->ok()) return false;
  part->rows = last ? std::span<const RowUpdate>(rows_) : arena_.CopyArray(rows_);
  part->ranges = last ? std::span<const RangeDeletion>(ranges_) : arena_.CopyArray(ranges_);
  return true;
}

// Puts rows_ by key. Cassandra writes them so; only a clustering type of a class of its own can sort otherwise than our
// keys do. False if a key is there twice.
bool MutationDecoder::OrderRows() {
  const auto before = [](const RowUpdate& a, const RowUpdate& b) { return a.key < b.key; };
  if (!std::is_sorted(rows_.begin(), rows_.end(), before)) std::sort(rows_.begin(), rows_.end(), before);
  return std::adjacent_find(rows_.begin(), rows_.end(),
                            [](const RowUpdate& a, const RowUpdate& b) { return a.key == b.key; }) == rows_.end();
}

}  // namespace braid
