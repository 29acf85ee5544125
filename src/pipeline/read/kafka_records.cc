#include "pipeline/read/kafka_records.h"

#include <nlohmann/json.hpp>

#include "pipeline/read/patterns.h"
#include "pipeline/read/position.h"

namespace braid {
namespace {

constexpr std::string_view kStatic = ".static";
constexpr std::string_view kSchema = "{\"schema\":";
constexpr std::string_view kPayload = ",\"payload\":";

// How long the JSON value at the front of `text` is, which is an object or a string; 0 if it has no end.
size_t ValueLength(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    }
    if (depth == 0 && !quoted) return i + 1;
  }
  return 0;
}

}  // namespace

bool IsTopicOf(const std::string& topic, const KafkaStream& stream, const StreamSpec& spec) {
  if (!stream.topic_per_table) return topic == TopicOf(stream, {}, false) || topic == TopicOf(stream, {}, true);
  if (!topic.starts_with(stream.topic + ".")) return false;
  std::string table = topic.substr(stream.topic.size() + 1);
  // No name of a keyspace or a table has a dot.
  const size_t dot = table.find('.');
  if (dot == std::string::npos) return false;
  if (table.find('.', dot + 1) != std::string::npos) {
    if (!table.ends_with(kStatic)) return false;
    table.resize(table.size() - kStatic.size());
  }
  return table.find('.', dot + 1) == std::string::npos && FitsAny(spec.tables, table);
}

std::optional<std::string_view> PayloadOf(std::string_view value) {
  if (!value.starts_with(kSchema) || !value.ends_with('}')) return std::nullopt;
  value.remove_prefix(kSchema.size());
  value.remove_suffix(1);
  value.remove_prefix(ValueLength(value));
  if (!value.starts_with(kPayload)) return std::nullopt;
  value.remove_prefix(kPayload.size());
  return value;
}

std::optional<GapRecord> ReadGapRecord(std::string_view value) {
  const auto json = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
  const auto gap = json.is_object() ? json.find("gap") : json.end();
  if (!json.is_object() || gap == json.end() || !gap->is_object()) return std::nullopt;
  const auto id = gap->find("id");
  const auto state = gap->find("state");
  const auto table = gap->find("table");
  if (id == gap->end() || !id->is_number_unsigned() || state == gap->end() || !state->is_string()) return std::nullopt;
  GapRecord record{.id = *id, .open = *state == "open", .table = {}};
  if (table != gap->end() && table->is_string()) record.table = *table;
  return record;
}

std::optional<Sequence> ReadSequence(std::string_view text) {
  const auto from = ParseReadFrom(std::string(text));
  if (!from.has_value() || from->kind != ReadFrom::Kind::kSequence) return std::nullopt;
  return from->sequence;
}

}  // namespace braid
