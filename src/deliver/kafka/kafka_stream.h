// What the configuration says of a stream in Kafka.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

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

}  // namespace braid
