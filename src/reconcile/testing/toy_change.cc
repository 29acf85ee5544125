#include "reconcile/testing/toy_change.h"

#include "reconcile/testing/toy_table.h"

namespace braid::testing {
namespace {

const char* CauseText(Cause cause) {
  static constexpr const char* kTexts[] = {"write",  "delete",   "range_delete", "partition_delete", "ttl", "truncate",
                                           "schema", "backfill", "repair"};
  return kTexts[static_cast<size_t>(cause)];
}

std::string ColumnsText(const TableSchema& schema, std::span<const ColumnId> columns) {
  std::string text;
  for (const ColumnId id : columns) text += (text.empty() ? "" : ", ") + schema.column(id).name;
  return "[" + text + "]";
}

std::string RangeText(const Change& change) {
  const TableSchema& schema = *change.schema;
  const auto values = [&](const Bound& bound) {
    const std::string text = KeyText(schema, change.partition_key, bound.values);
    const size_t slash = text.find('/');
    return slash == std::string::npos ? std::string() : text.substr(slash + 1);
  };
  return KeyText(schema, change.partition_key, {}) + "/range " + (change.range_start.inclusive ? "[" : "(") +
         values(change.range_start) + "," + values(change.range_end) + (change.range_end.inclusive ? "]" : ")");
}

}  // namespace

std::string ImageText(const TableSchema& schema, const Image* image) {
  if (image == nullptr) return "null";
  std::string text;
  for (const ColumnValue& value : image->columns) {
    const Column& column = schema.column(value.column);
    text +=
        (text.empty() ? "" : ", ") + column.name + ": " + (value.null ? "null" : ValueText(*column.type, value.value));
  }
  return "{" + text + "}";
}

std::string ChangeText(const Change& change) {
  const TableSchema& schema = *change.schema;
  std::string text(1, "cudrt"[static_cast<size_t>(change.op)]);
  text += ' ';
  text += change.op == Op::kTruncate      ? "*"
          : change.row == RowKind::kRange ? RangeText(change)
                                          : KeyText(schema, change.partition_key, change.clustering);
  if (change.row == RowKind::kStatic) text += "/static";
  text += " @" + std::to_string(change.ts.us) + " r" + std::to_string(change.revision) + " " + CauseText(change.cause);
  text += " " + ColumnsText(schema, change.written);
  text += " " + ImageText(schema, change.before) + " -> " + ImageText(schema, change.after);
  if (change.late) text += " late";
  if (!change.complete) text += " incomplete";
  if (!change.unknown.empty()) text += " unknown " + ColumnsText(schema, change.unknown);
  return text;
}

}  // namespace braid::testing
