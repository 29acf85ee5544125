#include "deliver/kafka/topics.h"

#include <fmt/format.h>

namespace braid {
namespace {

constexpr int kTimeoutMs = 30'000;

const char* PolicyOf(KafkaStream::Cleanup cleanup) {
  switch (cleanup) {
    case KafkaStream::Cleanup::kDelete:
      return "delete";
    case KafkaStream::Cleanup::kCompact:
      return "compact";
    case KafkaStream::Cleanup::kBoth:
      return "compact,delete";
  }
  return "delete";
}

}  // namespace

KafkaTopic TopicConfigOf(const std::string& name, const KafkaStream& stream, int replicas) {
  KafkaTopic topic;
  topic.name = name;
  topic.partitions = static_cast<int32_t>(stream.partitions);
  topic.replication = replicas;
  topic.configs.emplace_back("cleanup.policy", PolicyOf(stream.cleanup));
  const int64_t retention_ms = stream.retention_us == kForever ? -1 : stream.retention_us / 1000;
  topic.configs.emplace_back("retention.ms", fmt::format("{}", retention_ms));
  for (const auto& [property, value] : stream.properties) topic.configs.emplace_back(property, value);
  return topic;
}

Result<int32_t> StreamTopics::Ensure(const std::string& topic, const KafkaStream& stream) {
  const auto known = partitions_.find(topic);
  if (known != partitions_.end()) return known->second;
  auto partitions = admin_->Partitions(topic, kTimeoutMs);
  if (!partitions.has_value() && partitions.error().code == ErrorCode::kNotFound) {
    TRY(admin_->CreateTopics({TopicConfigOf(topic, stream, replicas_)}, kTimeoutMs));
    partitions = static_cast<int32_t>(stream.partitions);
  }
  if (!partitions.has_value()) return partitions.error();
  return partitions_[topic] = *partitions;
}

}  // namespace braid
