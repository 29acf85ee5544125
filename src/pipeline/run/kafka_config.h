// What a pipeline on Kafka is told. Plain data: control/ fills it from the configuration file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "deliver/kafka/kafka_stream.h"

namespace braid {

// The service that keeps Avro schemas.
struct RegistryConfig {
  std::string url;   // http:// or https://, no user in it, no / at its end
  std::string user;  // empty: no authentication
  Secret password;
  std::string ca_file;  // certificates that are trusted for https; empty: the system's
};

struct KafkaConfig {
  std::vector<std::string> brokers;          // HOST:PORT
  std::map<std::string, Secret> properties;  // librdkafka's, for every client; none of those that Braid sets itself
  int replicas = -1;                         // of topics that Braid makes; -1: the brokers' default
  std::string mutations_topic;
  int64_t mutations_retention_us = int64_t{7} * 86400 * 1'000'000;  // or kForever
  std::string mutations_compression = "lz4";                        // librdkafka's word
  std::string changelog_topic;
  std::string schemas_topic;
  std::string gaps_topic;
  std::string snapshots_topic;  // of requests; each node answers in one of its own (pipeline/kafka/clients.h)
  std::string group;
  bool exactly_once = true;
  int64_t commit_interval_us = 100'000;
  std::string streams_compression = "lz4";  // of all that workers write
  // One for each of Config::streams, in their order; if there are none, one for every captured table.
  std::vector<KafkaStream> streams;
  std::optional<RegistryConfig> registry;  // is there if a stream's format is kAvro
};

}  // namespace braid
