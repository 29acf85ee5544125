#include "transport/kafka/properties.h"

#include <algorithm>
#include <array>

#include "transport/kafka/client.h"

namespace braid {

namespace {

constexpr std::string_view kBrokers = "bootstrap.servers";
constexpr std::string_view kBrokersAlias = "metadata.broker.list";

bool MayBeSecret(std::string_view name) {
  constexpr std::array<std::string_view, 5> kWords = {"password", "secret", "token", "pem", "jaas"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return name.find(word) != std::string_view::npos; });
}

}  // namespace

void KafkaProperties::Set(std::string name, std::string value) {
  values_.emplace_back(std::move(name), std::move(value));
}

std::string_view KafkaProperties::Get(std::string_view name) const {
  if (name == kBrokersAlias) name = kBrokers;
  for (auto each = values_.rbegin(); each != values_.rend(); ++each) {
    if (each->first == name || (name == kBrokers && each->first == kBrokersAlias)) return each->second;
  }
  return {};
}

std::string KafkaProperties::Redacted(std::string text) const {
  constexpr std::string_view kHidden = "[hidden]";
  for (const auto& [name, value] : values_) {
    if (value.empty() || !MayBeSecret(name)) continue;
    for (size_t at = text.find(value); at != std::string::npos; at = text.find(value, at + kHidden.size())) {
      text.replace(at, value.size(), kHidden);
    }
  }
  return text;
}

std::string WhyNotKafkaProperties(const KafkaProperties& properties) {
  const Result<kafka::Conf> conf = kafka::MakeConf(properties, {}, {});
  return conf.has_value() ? "" : conf.error().message;
}

}  // namespace braid
