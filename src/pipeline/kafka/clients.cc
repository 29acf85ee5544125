#include "pipeline/kafka/clients.h"

#include <fmt/format.h>

#include "base/check.h"
#include "capture/kafka/kafka_schema_journal.h"
#include "model/schema.h"

namespace braid {
namespace {

// Cassandra takes mutations of up to half a segment of its log, 16 MiB by default; a broker by itself 1 MiB. As much as
// KafkaProducer takes.
constexpr const char* kLargestRecordBytes = "67108864";
constexpr const char* kSegmentBytes = "67108864";
// Whoever asked for a snapshot reads it at once.
constexpr const char* kSnapshotRetentionMs = "86400000";

std::string RetentionMs(int64_t retention_us) {
  return retention_us == kForever ? "-1" : fmt::format("{}", retention_us / 1000);
}

}  // namespace

KafkaProperties ClientProperties(const Config& config) {
  CHECK(config.kafka.has_value());
  KafkaProperties properties;
  for (const auto& [name, value] : config.kafka->properties) properties.Set(name, value.Reveal());
  properties.Set("bootstrap.servers", fmt::format("{}", fmt::join(config.kafka->brokers, ",")));
  return properties;
}

std::vector<KafkaTopic> PipelineTopics(const Config& config) {
  CHECK(config.kafka.has_value());
  const KafkaConfig& kafka = *config.kafka;
  const auto shards = static_cast<int32_t>(config.shards);
  // A changelog's newest segment is never compacted, and a restore reads all of it: so segments are small.
  return {
      {kafka.mutations_topic,
       shards,
       kafka.replicas,
       {{"cleanup.policy", "delete"},
        {"retention.ms", RetentionMs(kafka.mutations_retention_us)},
        {"max.message.bytes", kLargestRecordBytes}}},
      {kafka.changelog_topic,
       shards,
       kafka.replicas,
       {{"cleanup.policy", "compact"},
        {"segment.bytes", kSegmentBytes},
        {"segment.ms", "3600000"},
        {"max.message.bytes", kLargestRecordBytes}}},
      SchemaJournalTopic(kafka.schemas_topic, kafka.replicas),
      {kafka.gaps_topic, shards, kafka.replicas, {{"cleanup.policy", "compact"}}},
      {kafka.snapshots_topic,
       1,
       kafka.replicas,
       {{"cleanup.policy", "compact"}, {"max.message.bytes", kLargestRecordBytes}}},
  };
}

KafkaTopic SnapshotTopic(const Config& config, const HostId& host) {
  CHECK(config.kafka.has_value());
  return {fmt::format("{}.{}", config.kafka->snapshots_topic, TableId{host}.ToString()),
          static_cast<int32_t>(config.shards),
          config.kafka->replicas,
          {{"cleanup.policy", "delete"},
           {"retention.ms", kSnapshotRetentionMs},
           {"segment.bytes", kSegmentBytes},
           {"max.message.bytes", kLargestRecordBytes}}};
}

std::string SnapshotRequestKey(uint32_t shard) {
  return fmt::format("{}", shard);
}

Status MakeTopics(const std::vector<KafkaTopic>& topics, KafkaAdmin* admin, int timeout_ms) {
  std::vector<KafkaTopic> missing;
  for (const KafkaTopic& topic : topics) {
    const auto partitions = admin->Partitions(topic.name, timeout_ms);
    if (!partitions.has_value() && partitions.error().code != ErrorCode::kNotFound) return partitions.error();
    // One that has another number of partitions is refused there.
    if (!partitions.has_value() || *partitions != topic.partitions) missing.push_back(topic);
  }
  return admin->CreateTopics(missing, timeout_ms);
}

Status MakePipelineTopics(const Config& config, KafkaAdmin* admin, int timeout_ms) {
  return MakeTopics(PipelineTopics(config), admin, timeout_ms);
}

}  // namespace braid
