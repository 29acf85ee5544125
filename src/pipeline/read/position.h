// Where a reader of a stream stands, over all partitions of a timeline.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/position.h"

namespace braid {

// The number of the next record of each partition. As text "EPOCH:N0,N1,…": to people and programs it is opaque.
struct StreamPosition {
  uint64_t epoch = 0;
  std::vector<uint64_t> next;  // by partition

  std::string ToString() const;
  bool operator==(const StreamPosition&) const = default;
};

// The same of a stream in Kafka: the offset of the next record of each partition of each of its topics. As text
// "k1/TOPIC:N0,N1,…/TOPIC:…", 1 being the version of this form.
struct KafkaPosition {
  std::map<std::string, std::vector<uint64_t>> next;  // by topic, by partition

  std::string ToString() const;
  bool operator==(const KafkaPosition&) const = default;
};

// From where a reader wants a stream.
struct ReadFrom {
  enum class Kind : uint8_t {
    kEarliest,       // all that is kept
    kLatest,         // what comes from now on
    kPosition,       // `position`
    kKafkaPosition,  // `kafka`
    kSequence,       // `sequence`'s own event on, and of other partitions what was published then or later
    kTime,           // what was published at `time_us` or later
  };
  Kind kind = Kind::kEarliest;
  StreamPosition position;
  KafkaPosition kafka;
  Sequence sequence;
  int64_t time_us = 0;
};

// Reads "earliest", "latest", the text of a position of either kind or an event's sequence "EPOCH:PARTITION:N". Times
// are the caller's to read. kInvalidArgument with what would be right.
Result<ReadFrom> ParseReadFrom(const std::string& text);

}  // namespace braid
