#include "pipeline/kafka/retire.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "pipeline/kafka/clients.h"
#include "transport/kafka/producer.h"
#include "transport/message/record.h"

namespace braid {
namespace {

constexpr int kTimeoutMs = 10'000;

// Of a UUID as text.
std::optional<HostId> ParseHostId(const std::string& text) {
  std::string digits = text;
  std::erase(digits, '-');
  HostId host{};
  if (text.size() != 36 || digits.size() != 2 * host.size()) return std::nullopt;
  for (size_t i = 0; i < digits.size(); ++i) {
    const int digit = digits[i] >= '0' && digits[i] <= '9'   ? digits[i] - '0'
                      : digits[i] >= 'a' && digits[i] <= 'f' ? digits[i] - 'a' + 10
                      : digits[i] >= 'A' && digits[i] <= 'F' ? digits[i] - 'A' + 10
                                                             : -1;
    if (digit < 0) return std::nullopt;
    host[i / 2] = static_cast<uint8_t>(host[i / 2] << 4 | digit);
  }
  return host;
}

}  // namespace

Status RetireOnKafka(const Config& config, const std::string& host_id) {
  CHECK(config.kafka.has_value());
  const auto host = ParseHostId(host_id);
  if (!host.has_value()) {
    return InvalidArgument(
        fmt::format("'{}' is no host id: on Kafka a node is known by it; `nodetool status` shows it, "
                    "and so does `braid status` of its agent",
                    host_id));
  }
  ASSIGN_OR_RETURN(const auto admin, KafkaAdmin::Open({.properties = ClientProperties(config)}));
  ASSIGN_OR_RETURN(const int32_t partitions, admin->Partitions(config.kafka->mutations_topic, kTimeoutMs));
  Message message;
  message.kind = Message::Kind::kRetired;
  std::string record;
  AppendRecord(&record, *host, {}, message);
  ASSIGN_OR_RETURN(const auto producer, KafkaProducer::Open({.properties = ClientProperties(config)}));
  for (int32_t partition = 0; partition < partitions; ++partition) {
    ASSIGN_OR_RETURN(const bool taken,
                     producer->Produce(config.kafka->mutations_topic, partition, std::nullopt, record));
    CHECK(taken);  // a few records, into an empty queue
  }
  return producer->Flush(kTimeoutMs);
}

}  // namespace braid
