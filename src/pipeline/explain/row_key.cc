#include "pipeline/explain/row_key.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "encode/json.h"
#include "model/key.h"

namespace braid {
namespace {

using Json = nlohmann::json;

std::vector<ColumnId> KeyColumns(const TableSchema& schema) {
  std::vector<ColumnId> columns = schema.partition_key;
  columns.insert(columns.end(), schema.clustering.begin(), schema.clustering.end());
  return columns;
}

Error NotAKey(const TableSchema& schema, const std::string& text, const std::string& why) {
  std::string names;
  for (const ColumnId id : KeyColumns(schema)) {
    if (!names.empty()) names += ", ";
    names += schema.column(id).name;
  }
  return InvalidArgument(
      fmt::format("'{}' is not a key of {}: {}. Its key columns are {}; give their values in that order "
                  "with commas between, or as JSON",
                  text, schema.FullName(), why, names));
}

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  size_t start = 0;
  while (true) {
    const size_t comma = text.find(',', start);
    parts.push_back(text.substr(start, comma - start));
    if (comma == std::string::npos) return parts;
    start = comma + 1;
  }
}

}  // namespace

Result<RowKeyPattern> RowKeyPattern::Parse(const TableSchema& schema, const std::string& text) {
  const std::vector<ColumnId> columns = KeyColumns(schema);
  std::vector<std::string> values;
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) {
    for (const ColumnId id : columns) {
      const auto found = json.find(schema.column(id).name);
      if (found == json.end()) break;
      values.push_back(found->dump());
    }
    if (values.size() != json.size()) {
      return NotAKey(schema, text, "it names something that is no key column, or leaves out one before another");
    }
  } else if (json.is_array()) {
    for (const Json& value : json) values.push_back(value.dump());
  } else {
    values = SplitAtCommas(text);
  }
  if (values.size() < schema.partition_key.size()) return NotAKey(schema, text, "it needs the whole partition key");
  if (values.size() > columns.size()) return NotAKey(schema, text, "it has more values than the key has columns");
  return RowKeyPattern(schema, std::move(values));
}

RowKeyPattern::RowKeyPattern(const TableSchema& schema, std::vector<std::string> values) : schema_(schema) {
  const auto split = values.begin() + static_cast<std::ptrdiff_t>(schema.partition_key.size());
  partition_.assign(values.begin(), split);
  clustering_.assign(split, values.end());
}

bool RowKeyPattern::Matches(ColumnId column, ByteView value, const std::string& wanted) const {
  std::string json;
  AppendJsonValue(*schema_.column(column).type, value, &json);
  if (json == wanted) return true;
  const Json shown = Json::parse(json, nullptr, false);
  // A bare word stands for a string.
  if (shown.is_string() && shown.get<std::string>() == wanted) return true;
  const Json asked = Json::parse(wanted, nullptr, false);
  return !asked.is_discarded() && asked == shown;
}

bool RowKeyPattern::MatchesPartition(ByteView partition_key) const {
  PartitionKeyReader reader(schema_.partition_key.size(), partition_key);
  size_t i = 0;
  while (const std::optional<ByteView> value = reader.Next()) {
    if (!Matches(schema_.partition_key[i], *value, partition_[i])) return false;
    ++i;
  }
  return reader.status().has_value() && i == partition_.size();
}

bool RowKeyPattern::MatchesRow(ByteView clustering) const {
  ClusteringReader reader(clustering);
  for (size_t i = 0; i < clustering_.size(); ++i) {
    const auto value = reader.Next();
    if (!value.has_value()) return false;
    if (value->null ? clustering_[i] != "null" : !Matches(schema_.clustering[i], value->bytes, clustering_[i])) {
      return false;
    }
  }
  return true;
}

}  // namespace braid
