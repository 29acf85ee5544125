// Within pipeline/read: which topics are a stream's, and what their records say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "deliver/kafka/kafka_stream.h"
#include "model/position.h"
#include "shape/shape.h"

namespace braid {

// Whether a topic holds rows, regular or static ones, of a table of this stream.
bool IsTopicOf(const std::string& topic, const KafkaStream& stream, const StreamSpec& spec);

// The event in a record of a stream with JSON schemas; a view of `value`. None if it does not have that form.
std::optional<std::string_view> PayloadOf(std::string_view value);

// What a record of the gaps topic says.
struct GapRecord {
  uint64_t id = 0;
  bool open = false;
  std::string table;  // "keyspace.table"; empty: it concerns all
};
// None if it is no gap event.
std::optional<GapRecord> ReadGapRecord(std::string_view value);

// A sequence's text, "EPOCH:PARTITION:N", as in a record's header braid-sequence.
std::optional<Sequence> ReadSequence(std::string_view text);

}  // namespace braid
