#include "codec/change.h"

#include <algorithm>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/cursor.h"
#include "base/vint.h"
#include "codec/parts.h"
#include "codec/version.h"

namespace braid {
namespace {

// Version 1 knew no unconfirmed changes.
constexpr uint8_t kVersion = 2;
constexpr const char* kWhat = "change";

// First flags byte: op, cause, late.
constexpr uint8_t kOpBits = 7;
constexpr int kCauseShift = 3;
constexpr uint8_t kCauseBits = 15;
constexpr uint8_t kLate = 128;
// Second: kind of row, snapshot mark, and what follows.
constexpr uint8_t kRowBits = 3;
constexpr int kSnapshotShift = 2;
constexpr uint8_t kSnapshotBits = 3;
constexpr uint8_t kIncomplete = 16;
constexpr uint8_t kBefore = 32;
constexpr uint8_t kAfter = 64;
constexpr uint8_t kUnconfirmed = 128;

// How an image says which columns it has.
enum ImageForm : uint8_t {
  kNoColumns = 0,
  kSchemaColumns = 1,  // those of the definition in its order, less the unknown ones
  kNamedColumns = 2,
};

// What stands for a value: one of these, or its size + kSizeBias.
constexpr uint64_t kNull = 0;
constexpr uint64_t kAsBefore = 1;
constexpr uint64_t kSizeBias = 2;

// The columns that kSchemaColumns stands for. Of a row with unknown columns the list is made in `scratch`.
std::span<const ColumnId> KnownColumns(const Change& change, std::vector<ColumnId>* scratch) {
  const std::vector<ColumnId>& all = change.row == RowKind::kStatic ? change.schema->statics : change.schema->regulars;
  if (change.complete || change.unknown.empty()) return all;
  for (const ColumnId id : all) {
    if (!std::binary_search(change.unknown.begin(), change.unknown.end(), id)) scratch->push_back(id);
  }
  return *scratch;
}

ImageForm FormOf(const Image& image, std::span<const ColumnId> known) {
  if (image.columns.empty()) return kNoColumns;
  const auto same = [](const ColumnValue& value, ColumnId id) { return value.column == id; };
  return std::equal(image.columns.begin(), image.columns.end(), known.begin(), known.end(), same) ? kSchemaColumns
                                                                                                  : kNamedColumns;
}

// `before` is the image to refer to, of the same columns in the same order, or nullptr.
void AppendImage(std::string* to, const Image& image, ImageForm form, const Image* before) {
  to->push_back(static_cast<char>(form));
  if (form == kNamedColumns) AppendVint(to, image.columns.size());
  for (size_t i = 0; i < image.columns.size(); ++i) {
    const ColumnValue& value = image.columns[i];
    if (form == kNamedColumns) AppendVint(to, value.column.value);
    if (value.null) {
      AppendVint(to, kNull);
    } else if (before != nullptr && !before->columns[i].null && before->columns[i].value == value.value) {
      AppendVint(to, kAsBefore);
    } else {
      AppendVint(to, value.value.size() + kSizeBias);
      to->append(value.value);
    }
  }
}

void AppendImages(std::string* to, const Change& change) {
  std::vector<ColumnId> scratch;
  const std::span<const ColumnId> known = KnownColumns(change, &scratch);
  const Image* shared = nullptr;
  if (change.before != nullptr) {
    const ImageForm form = FormOf(*change.before, known);
    AppendImage(to, *change.before, form, nullptr);
    if (form == kSchemaColumns) shared = change.before;
  }
  if (change.after != nullptr) {
    const ImageForm form = FormOf(*change.after, known);
    AppendImage(to, *change.after, form, form == kSchemaColumns ? shared : nullptr);
  }
}

// `before` may be referred to; it is nullptr, or of the columns `known`.
const Image* ReadImage(Cursor* from, const Change& change, std::span<const ColumnId> known, const Image* before,
                       ImageForm* form, Arena* arena) {
  auto* image = arena->New<Image>();
  const uint8_t form_byte = from->U8();
  if (form_byte > kNamedColumns) from->Fail("there is no such form of an image");
  *form = static_cast<ImageForm>(form_byte);
  if (!from->ok() || *form == kNoColumns) return image;
  if (*form != kSchemaColumns) before = nullptr;
  // A named column takes two bytes, a column of the schema at least one.
  const size_t count = *form == kNamedColumns ? codec::ReadCount(from, 2) : known.size();
  if (count > from->remaining()) from->Fail("an image has more columns than bytes");
  if (!from->ok()) return image;
  const std::span<ColumnValue> values = arena->NewArray<ColumnValue>(count);
  for (size_t i = 0; i < count && from->ok(); ++i) {
    if (*form == kNamedColumns) {
      const uint64_t id = from->Vint();
      if (id >= change.schema->columns.size()) from->Fail("an image has a column that the table does not have");
      values[i].column = ColumnId{static_cast<uint16_t>(id)};
    } else {
      values[i].column = known[i];
    }
    const uint64_t head = from->Vint();
    if (head == kNull) continue;
    if (head == kAsBefore) {
      if (before == nullptr) {
        from->Fail("a value refers to an image that is not there");
        break;
      }
      values[i] = before->columns[i];
    } else {
      values[i].null = false;
      values[i].value = from->Bytes(head - kSizeBias);
    }
  }
  image->columns = values;
  return image;
}

void ReadImages(Cursor* from, bool has_before, bool has_after, Change* change, Arena* arena) {
  std::vector<ColumnId> scratch;
  const std::span<const ColumnId> known = KnownColumns(*change, &scratch);
  ImageForm form = kNoColumns;
  if (has_before) change->before = ReadImage(from, *change, known, nullptr, &form, arena);
  const Image* shared = form == kSchemaColumns && from->ok() ? change->before : nullptr;
  if (has_after) change->after = ReadImage(from, *change, known, shared, &form, arena);
}

// The two flags bytes, without what they say of images.
void ReadEnums(Cursor* from, uint8_t version, uint8_t first, uint8_t second, Change* change) {
  const uint8_t op = first & kOpBits;
  const uint8_t cause = (first >> kCauseShift) & kCauseBits;
  const uint8_t row = second & kRowBits;
  if (op > static_cast<uint8_t>(Op::kTruncate)) from->Fail("there is no such op");
  if (cause > static_cast<uint8_t>(Cause::kRepair)) from->Fail("there is no such cause");
  if (row > static_cast<uint8_t>(RowKind::kRange)) from->Fail("there is no such kind of row");
  if (version == 1 && (second & kUnconfirmed) != 0) from->Fail("unknown flags");
  change->op = static_cast<Op>(op);
  change->cause = static_cast<Cause>(cause);
  change->row = static_cast<RowKind>(row);
  change->late = (first & kLate) != 0;
  change->snapshot = static_cast<SnapshotMark>((second >> kSnapshotShift) & kSnapshotBits);
  change->complete = (second & kIncomplete) == 0;
  change->confirmed = (second & kUnconfirmed) == 0;
}

}  // namespace

void AppendChange(std::string* to, const Change& change) {
  to->push_back(static_cast<char>(kVersion));
  AppendBigEndian<uint64_t>(to, change.schema->id.value);
  to->push_back(static_cast<char>(static_cast<uint8_t>(change.op) | static_cast<uint8_t>(change.cause) << kCauseShift |
                                  (change.late ? kLate : 0)));
  to->push_back(static_cast<char>(static_cast<uint8_t>(change.row) |
                                  static_cast<uint8_t>(change.snapshot) << kSnapshotShift |
                                  (change.complete ? 0 : kIncomplete) | (change.before != nullptr ? kBefore : 0) |
                                  (change.after != nullptr ? kAfter : 0) | (change.confirmed ? 0 : kUnconfirmed)));
  AppendBigEndian<int64_t>(to, change.token.value);
  AppendSignedVint(to, change.ts.us);
  codec::AppendPosition(to, change.origin);
  AppendVint(to, change.revision);
  codec::AppendVintBytes(to, change.partition_key);
  codec::AppendVintBytes(to, change.clustering);
  if (change.row == RowKind::kRange) {
    codec::AppendBound(to, change.range_start);
    codec::AppendBound(to, change.range_end);
  }
  codec::AppendColumnIds(to, change.written);
  if (!change.complete) codec::AppendColumnIds(to, change.unknown);
  AppendImages(to, change);
}

Result<Change> DecodeChange(ByteView bytes, Sequence sequence, const SchemaLookup& schemas, Arena* arena) {
  Cursor from(bytes);
  TRY(ReadVersion(&from, kVersion, kWhat));
  const auto version = static_cast<uint8_t>(bytes.front());
  Change change;
  change.sequence = sequence;
  const SchemaId schema_id{from.U64()};
  const uint8_t first = from.U8();
  const uint8_t second = from.U8();
  ReadEnums(&from, version, first, second, &change);
  if (!from.ok()) return CorruptRecord(from, kWhat);
  ASSIGN_OR_RETURN(change.schema, FindSchema(schemas, schema_id, kWhat));
  const auto column_limit = static_cast<uint32_t>(change.schema->columns.size());

  change.token = Token{from.I64()};
  change.ts = WriteTime{from.SignedVint()};
  change.origin = codec::ReadPosition(&from);
  change.revision = from.Vint();
  change.partition_key = from.VintBytes();
  change.clustering = from.VintBytes();
  if (change.row == RowKind::kRange) {
    change.range_start = codec::ReadBound(&from);
    change.range_end = codec::ReadBound(&from);
  }
  change.written = codec::ReadColumnIds(&from, column_limit, arena);
  if (!change.complete) change.unknown = codec::ReadColumnIds(&from, column_limit, arena);
  if (from.ok()) ReadImages(&from, (second & kBefore) != 0, (second & kAfter) != 0, &change, arena);
  TRY(FinishRecord(&from, kWhat));
  return change;
}

}  // namespace braid
