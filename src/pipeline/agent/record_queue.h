// Within pipeline/agent: records on their way to the partitions of a topic.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/run/stats.h"
#include "transport/kafka/producer.h"

namespace braid {

// For one thread. Each partition's records arrive in the order of Push, each once, as long as problem() is empty.
class RecordQueue {
 public:
  struct Options {
    KafkaProducer::Options producer;
    std::string topic;
    uint32_t partitions = 1;
  };

  // Asks no broker. Errors: those of KafkaProducer::Open.
  static Result<std::unique_ptr<RecordQueue>> Open(Options options);

  // Copies the record, also beyond the room there is. An error says that there is a problem().
  Status Push(uint32_t partition, ByteView key, ByteView record);
  // False: what the producer had no room for waits here. Whoever pushes should wait, too.
  bool has_room() const { return waiting_.empty(); }

  // Passes on what waits, and hears what is acknowledged, waiting for that up to `timeout_ms`.
  void Step(int timeout_ms);

  // Why this queue can send nothing any more: another one is to be opened, and what is not acknowledged pushed again.
  const std::string& problem() const { return problem_; }

  // How many records were pushed to each partition.
  const std::vector<uint64_t>& pushed() const { return pushed_; }
  // Whether of each partition so many are acknowledged.
  bool Acked(const std::vector<uint64_t>& counts) const;
  bool all_acked() const { return waiting_.empty() && Acked(pushed_); }

  // All but `silent_us` and `renewed`.
  OutletStats stats() const;

 private:
  struct Waiting {
    uint32_t partition = 0;
    std::string key;
    std::string record;
  };

  RecordQueue(Options options, std::unique_ptr<KafkaProducer> producer)
      : options_(std::move(options)), producer_(std::move(producer)), pushed_(options_.partitions) {}
  // False if there is no room for it.
  Result<bool> Produce(uint32_t partition, ByteView key, ByteView record);

  const Options options_;
  std::unique_ptr<KafkaProducer> producer_;
  std::deque<Waiting> waiting_;
  uint64_t waiting_bytes_ = 0;
  std::vector<uint64_t> pushed_;
  uint64_t records_ = 0;
  uint64_t bytes_ = 0;
  std::string problem_;
};

}  // namespace braid
