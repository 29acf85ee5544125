// Within pipeline/read: from which offsets a stream in Kafka is to be read.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <vector>

#include "base/result.h"
#include "pipeline/read/position.h"
#include "transport/kafka/consumer.h"

namespace braid {

// A partition of a stream's topics, between the offset of its first record and that behind its last.
struct KafkaSpan {
  KafkaPartition partition;
  int64_t low = 0;
  int64_t high = 0;
  int64_t start = 0;  // where reading is to begin: `low` to `high`
};

// What an event of the consumer means to a reader. kNotFound, records that are no longer kept; kTransient, a consumer
// that is done.
Status CheckEvent(const KafkaEvent& event);

// Watches over a read that has an end: partitions tell of records or of their ends, or something is wrong.
class KafkaSilence {
 public:
  // Of every Poll. kTransient if there was nothing for a minute.
  Status Check(const KafkaBatch& batch, const KafkaConsumer& consumer);

 private:
  std::chrono::steady_clock::time_point heard_ = std::chrono::steady_clock::now();
};

// Reads with `consumer`, which reads nothing else meanwhile, each span from `low` to before `high`, until `take` says
// of a record that no more of its partition is wanted. `stop` is asked often: kTransient if it says so. Errors: those
// of KafkaConsumer; kTransient where brokers are silent for long; kNotFound, records that are no longer kept; of
// `take`.
Status ScanKafka(KafkaConsumer* consumer, const std::vector<KafkaSpan>& spans, const std::function<bool()>& stop,
                 const std::function<Result<bool>(const KafkaRecord& record)>& take);

// Sets every span's `start`. A partition that a position does not name is newer than it, and read from its beginning.
// An event's sequence is looked for from the beginning of its partition in every topic. Errors: kInvalidArgument, a
// place that these topics never had; kNotFound, one that is no longer kept; those of ScanKafka.
Status FindPlace(KafkaConsumer* consumer, const ReadFrom& from, const std::function<bool()>& stop,
                 std::vector<KafkaSpan>* spans);

}  // namespace braid
