#include "pipeline/read/position.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace braid {
namespace {

std::optional<uint64_t> ReadNumber(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::vector<uint64_t>> ReadNumbers(std::string_view text, char between) {
  std::vector<uint64_t> numbers;
  while (true) {
    const size_t at = text.find(between);
    const auto number = ReadNumber(text.substr(0, at));
    if (!number.has_value()) return std::nullopt;
    numbers.push_back(*number);
    if (at == std::string_view::npos) return numbers;
    text.remove_prefix(at + 1);
  }
}

constexpr std::string_view kKafkaVersion = "k1";

// What follows "k1": "/TOPIC:N,…" once or more.
std::optional<KafkaPosition> ReadKafkaPosition(std::string_view text) {
  KafkaPosition position;
  while (!text.empty()) {
    if (text.front() != '/') return std::nullopt;
    text.remove_prefix(1);
    const std::string_view topic = text.substr(0, text.find('/'));
    const size_t colon = topic.find(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    auto next = ReadNumbers(topic.substr(colon + 1), ',');
    if (!next.has_value()) return std::nullopt;
    if (!position.next.emplace(topic.substr(0, colon), *std::move(next)).second) return std::nullopt;
    text.remove_prefix(topic.size());
  }
  if (position.next.empty()) return std::nullopt;
  return position;
}

// Whether `text` begins as a position in Kafka does: 'k', a number, '/'.
bool IsKafkaPosition(std::string_view text) {
  const size_t slash = text.find('/');
  return slash != std::string_view::npos && text.front() == 'k' && ReadNumber(text.substr(1, slash - 1)).has_value();
}

Result<ReadFrom> ParseKafkaPosition(const std::string& text) {
  const std::string_view version = std::string_view(text).substr(0, text.find('/'));
  if (version != kKafkaVersion) {
    return Unsupported(
        fmt::format("the position '{}' is of version {}, which this braid does not know; read on with "
                    "the braid that printed it",
                    text, version));
  }
  auto position = ReadKafkaPosition(std::string_view(text).substr(version.size()));
  if (!position.has_value()) {
    return InvalidArgument(fmt::format("'{}' is no whole position; give it as braid read printed it", text));
  }
  ReadFrom from;
  from.kind = ReadFrom::Kind::kKafkaPosition;
  from.kafka = *std::move(position);
  return from;
}

}  // namespace

std::string StreamPosition::ToString() const {
  return fmt::format("{}:{}", epoch, fmt::join(next, ","));
}

std::string KafkaPosition::ToString() const {
  std::string text(kKafkaVersion);
  for (const auto& [topic, offsets] : next) text += fmt::format("/{}:{}", topic, fmt::join(offsets, ","));
  return text;
}

Result<ReadFrom> ParseReadFrom(const std::string& text) {
  ReadFrom from;
  if (text == "earliest") return from;
  if (text == "latest") {
    from.kind = ReadFrom::Kind::kLatest;
    return from;
  }
  if (IsKafkaPosition(text)) return ParseKafkaPosition(text);
  const auto parts = ReadNumbers(text, ':');
  if (parts.has_value() && parts->size() == 3 && (*parts)[1] <= UINT32_MAX) {
    from.kind = ReadFrom::Kind::kSequence;
    from.sequence = {(*parts)[0], static_cast<uint32_t>((*parts)[1]), (*parts)[2]};
    return from;
  }
  const size_t colon = text.find(':');
  const auto epoch = ReadNumber(std::string_view(text).substr(0, colon));
  if (epoch.has_value() && colon != std::string::npos) {
    const auto next = ReadNumbers(std::string_view(text).substr(colon + 1), ',');
    if (next.has_value()) {
      from.kind = ReadFrom::Kind::kPosition;
      from.position = {*epoch, *next};
      return from;
    }
  }
  return InvalidArgument(fmt::format(
      "'{}' is no place in a stream; give earliest, latest, a time such as 2026-11-21T07:40:51Z, a position "
      "as braid read prints it at its end, or an event's sequence",
      text));
}

}  // namespace braid
