// The timeline of one shard, as records of its streams' topics within a transaction that somebody else begins and
// ends.
//
// A topic's partition is the shard's number (modulo how many it has): the order of a partition key is that of the
// shard. A record's header `braid-sequence` is the event's id.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "deliver/kafka/event_encoder.h"
#include "deliver/kafka/kafka_stream.h"
#include "deliver/kafka/topics.h"
#include "shape/shape.h"
#include "timeline/writer.h"
#include "transport/kafka/producer.h"

namespace braid {

class TopicWriter : public TimelineWriter {
 public:
  struct Stream {
    StreamSpec spec;
    KafkaStream kafka;
  };
  struct Options {
    uint32_t shard = 0;
    uint64_t epoch = 1;
    uint64_t end = 1;  // the number of the next record
    std::string pipeline;
    std::vector<Stream> streams;
    std::string gaps_topic;  // which is there, with a partition for each shard
    // A record may wait so long for room in the producer's queue.
    int64_t patience_ms = 30'000;
    // The newest definition of a table, for shapes of older ones.
    std::function<const TableSchema*(const TableId&)> newest;
    AvroSchemaId schema_id;
  };
  struct Stats {
    uint64_t records = 0;
    uint64_t held_back = 0;  // Changes that are not whole, of streams that promise whole ones
  };

  // Both must outlive it.
  TopicWriter(const Options& options, KafkaProducer* producer, StreamTopics* topics);

  // The nodes' labels, by index; what is appended names nodes within them.
  void SetNodes(std::vector<std::string> labels) { context_.nodes = std::move(labels); }
  // When what is appended from now on counts as emitted.
  void SetNow(int64_t now_us) { context_.emitted_ms = now_us / 1000; }

  // Produced at once; an error comes out of Sync.
  uint64_t Append(const Change& change) override;
  uint64_t Append(const Gap& gap) override;
  // Whether everything appended was produced. Errors: of the first that was not, and for ever: the transaction cannot
  // be committed.
  Status Sync(int64_t now_us) override;
  Status Publish() override;
  Status Rollback() override;
  uint64_t end() const override { return end_; }
  size_t pending_bytes() const override { return pending_bytes_; }
  // The brokers' work.
  Status Retain(int64_t keep_since_us, uint64_t keep_bytes, uint64_t pinned) override;
  TimelineWriter::Stats stats() const override;
  const Stats& topic_stats() const { return stats_; }

 private:
  // A stream as one definition of one table goes into it.
  struct Outlet {
    const KafkaStream* stream = nullptr;
    std::shared_ptr<const StreamShape> shape;
    struct Topic {
      std::string name;
      int32_t partition = 0;
      std::unique_ptr<EventEncoder> encoder;
    };
    std::map<RowKind, Topic> topics;
  };

  Status Write(const Change& change);
  Status WriteTo(Outlet* outlet, const Change& change);
  Status WriteGap(const Gap& gap, const Sequence& sequence);
  Result<std::vector<Outlet>*> OutletsOf(const TableSchema& schema);
  Result<Outlet::Topic*> TopicFor(Outlet* outlet, const Change& seen);
  Status Produce(const std::string& topic, int32_t partition, const Sequence& sequence, bool has_key, bool has_value);
  void Latch(Status status);

  const Options options_;
  KafkaProducer* const producer_;
  StreamTopics* const topics_;
  EventContext context_;
  uint64_t end_;
  uint64_t appended_ = 0;
  size_t pending_bytes_ = 0;
  Status failure_;
  Stats stats_;
  std::map<SchemaId, std::vector<Outlet>> outlets_;
  Arena arena_;
  std::string key_;
  std::string value_;
};

}  // namespace braid
