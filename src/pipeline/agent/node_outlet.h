// Within pipeline/agent: what a node's feeder says, as records of the mutations topic.
#pragma once

#include <string>
#include <utility>

#include "pipeline/agent/record_queue.h"
#include "pipeline/feed/outlet.h"
#include "transport/message/record.h"

namespace braid {

class NodeOutlet : public Outlet {
 public:
  // Pushes to the queue that `queue` points to at the time.
  NodeOutlet(const std::unique_ptr<RecordQueue>* queue, uint32_t shards, const HostId& host, std::string label)
      : queue_(queue), shards_(shards), host_(host), label_(std::move(label)) {}

  uint32_t shards() const override { return shards_; }
  Status Push(uint32_t shard, ByteView key, Message message) override {
    record_.clear();
    AppendRecord(&record_, host_, label_, message);
    return (*queue_)->Push(shard, key, record_);
  }
  uint64_t room_bytes() const override { return (*queue_)->has_room() ? kRoomBytes : 0; }

 private:
  // What is pushed beyond the producer's own room is so much, about, or one transaction.
  static constexpr uint64_t kRoomBytes = uint64_t{1} << 20;

  const std::unique_ptr<RecordQueue>* const queue_;
  const uint32_t shards_;
  const HostId host_;
  const std::string label_;
  std::string record_;
};

}  // namespace braid
