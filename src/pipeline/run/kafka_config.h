// What a pipeline on Kafka is told. Plain data: control/ fills it from the configuration file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"

namespace braid {

// As the brokers count: no end.
inline constexpr int64_t kForever = -1;

// Where the Changes of one stream go, and in which form.
struct KafkaStream {
  enum class Format { kJson, kJsonSchemas, kAvro };
  enum class Truncate { kRows, kEvent, kSkip };  // a `d` for each row, one `t`, or nothing
  enum class Cleanup { kDelete, kCompact, kBoth };

  std::string topic;
  bool topic_per_table = false;  // `topic` is but the beginning: the stream may have several tables, see TopicOf
  Format format = Format::kJson;
  bool nested_as_json = false;  // typed formats show collections, tuples and user types as one JSON text
  bool tombstones = true;       // after each `d` a record without value
  Truncate truncate = Truncate::kRows;
  bool hold_incomplete = false;  // Changes of rows whose past is not known wait for a backfill
  // Of topics that Braid makes; a topic that is there is left as it is.
  uint32_t partitions = 0;  // never 0 in what control/ gives: by default as many as there are shards
  int64_t retention_us = int64_t{7} * 86400 * 1'000'000;  // or kForever
  Cleanup cleanup = Cleanup::kDelete;
  std::map<std::string, std::string> properties;  // the brokers' names, such as segment.bytes
};

// The topic of a table's ("keyspace.table") rows. Static rows have one of their own: their key is another.
inline std::string TopicOf(const KafkaStream& stream, std::string_view table, bool static_rows) {
  std::string topic = stream.topic;
  if (stream.topic_per_table) topic.append(".").append(table);
  if (static_rows) topic += ".static";
  return topic;
}

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
  std::string group;
  bool exactly_once = true;
  int64_t commit_interval_us = 100'000;
  std::string streams_compression = "lz4";  // of all that workers write
  // One for each of Config::streams, in their order; if there are none, one for every captured table.
  std::vector<KafkaStream> streams;
  std::optional<RegistryConfig> registry;  // is there if a stream's format is kAvro
};

}  // namespace braid
