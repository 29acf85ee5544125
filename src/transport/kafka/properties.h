// What the clients of Kafka have in common: their properties, and the names of partitions and offsets.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace braid {

// A partition of a topic.
struct KafkaPartition {
  std::string topic;
  int32_t partition = 0;

  auto operator<=>(const KafkaPartition&) const = default;
};

// Where reading of a partition goes on: the offset of the next record.
struct KafkaOffset {
  std::string topic;
  int32_t partition = 0;
  int64_t offset = 0;

  auto operator<=>(const KafkaOffset&) const = default;
};

// Offsets that mean something else.
inline constexpr int64_t kKafkaEnd = -1;
inline constexpr int64_t kKafkaBeginning = -2;
inline constexpr int64_t kKafkaNone = -1001;  // nothing was committed, or nothing is there

// Views: of a record that is produced, of whoever produces it; of one that was read, of its batch.
struct KafkaHeader {
  std::string_view name;
  std::string_view value;
};

// Told what librdkafka says, and whether it is an alarm. Called only within calls of the client's own functions, on
// their thread. No line holds a secret. What librdkafka says between two such calls is kept up to some hundred lines.
using KafkaLog = std::function<void(bool alarm, const std::string& message)>;

// Properties under librdkafka's own names, in the order in which they are set. Values may be secrets: nothing here or
// in the clients ever puts one into an error or a log line.
class KafkaProperties {
 public:
  KafkaProperties() = default;
  KafkaProperties(std::initializer_list<std::pair<std::string, std::string>> values) : values_(values) {}
  explicit KafkaProperties(std::vector<std::pair<std::string, std::string>> values) : values_(std::move(values)) {}

  void Set(std::string name, std::string value);

  // The last value set, "" if there is none. bootstrap.servers and metadata.broker.list are one property.
  std::string_view Get(std::string_view name) const;

  // host:port[,host:port…], as it was set.
  std::string_view brokers() const { return Get("bootstrap.servers"); }

  const std::vector<std::pair<std::string, std::string>>& values() const { return values_; }

  // `text` with "[hidden]" in the place of each value that may be a secret: of properties whose names hold "password",
  // "secret", "token", "pem" or "jaas".
  std::string Redacted(std::string text) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

// Why `properties` cannot be meant for Kafka, whatever the client: a name that librdkafka does not know, a value that
// it does not take, or one of those that Braid decides itself (acks, isolation.level, transactional.id, …), or no
// brokers. Empty if they can. Asks no broker.
std::string WhyNotKafkaProperties(const KafkaProperties& properties);

}  // namespace braid
