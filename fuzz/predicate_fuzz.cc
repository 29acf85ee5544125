// Any text as a stream's predicate, up to the first 0 byte; the bytes after it as the values of a row before and after
// a write: for each column a length byte and so many bytes, 255 for null, 254 for a column that is not known.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/cursor.h"
#include "shape/predicate_test_util.h"
#include "shape/shape.h"

namespace braid {
namespace {

constexpr uint8_t kNull = 255;
constexpr uint8_t kUnknown = 254;

std::vector<ColumnValue> NextColumns(const TableSchema& schema, Cursor* from) {
  std::vector<ColumnValue> columns;
  for (const ColumnId id : schema.regulars) {
    const uint8_t what = from->U8();
    if (what == kUnknown) continue;
    ColumnValue& value = columns.emplace_back();
    value.column = id;
    value.null = what == kNull || !from->ok();
    if (!value.null) value.value = from->Bytes(what);
    if (!from->ok()) value = {id};
  }
  return columns;
}

void Ask(const StreamShape& shape, const TableSchema& schema, ByteView values) {
  Cursor from(values);
  const std::vector<ColumnValue> before = NextColumns(schema, &from);
  const std::vector<ColumnValue> after = NextColumns(schema, &from);
  const Image images[] = {{before}, {after}};
  Change change;
  change.schema = &schema;
  change.partition_key = change.clustering = from.Bytes(from.remaining());
  change.before = &images[0];
  change.after = &images[1];
  Arena arena;
  for (const RowKind kind : {RowKind::kRegular, RowKind::kStatic, RowKind::kRange}) {
    change.row = kind;
    const Change* seen = shape.Apply(change, &arena);
    if (seen == nullptr) continue;
    CHECK(kind == RowKind::kRange || (seen->op == Op::kDelete) == (seen->after == nullptr));
    CHECK(seen->after == nullptr || seen->after == change.after);
  }
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const braid::TableSchemaPtr schema = braid::shape::TableOfAllTypes();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t end = bytes.find('\0');
  braid::StreamSpec spec;
  spec.where = bytes.substr(0, end);
  const auto shape = braid::StreamShape::Make(spec, *schema);
  if (!shape.has_value()) {
    CHECK(shape.error().code == braid::ErrorCode::kInvalidArgument && !shape.error().message.empty());
    return 0;
  }
  braid::Ask(**shape, *schema, end == std::string_view::npos ? std::string_view() : bytes.substr(end + 1));
  return 0;
}
