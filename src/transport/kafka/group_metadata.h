// A consumer's place in its group, as a transactional producer shows it to the broker.
#pragma once

#include <memory>
#include <utility>

struct rd_kafka_consumer_group_metadata_s;

namespace braid {

// A snapshot: it grows stale when the group rebalances. Taken from KafkaConsumer::GroupMetadata.
class KafkaGroupMetadata {
 public:
  struct Destroy {
    void operator()(rd_kafka_consumer_group_metadata_s* metadata) const;
  };
  using Handle = std::unique_ptr<rd_kafka_consumer_group_metadata_s, Destroy>;

  explicit KafkaGroupMetadata(Handle handle) : handle_(std::move(handle)) {}

  const rd_kafka_consumer_group_metadata_s* get() const { return handle_.get(); }

 private:
  Handle handle_;  // never empty
};

}  // namespace braid
