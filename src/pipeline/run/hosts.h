// Within pipeline/run: what the pipeline keeps of each shard and each node.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "capture/node_capture.h"
#include "pipeline/feed/feeder.h"
#include "pipeline/feed/wall_clock.h"
#include "pipeline/run/pipeline.h"
#include "pipeline/shard/shard.h"
#include "reconcile/rocksdb/rocks_state.h"
#include "timeline/writer.h"
#include "transport/direct/channel.h"

namespace braid {

struct Pipeline::ShardHost {
  ShardHost(uint32_t shard_number, uint64_t channel_bytes) : number(shard_number), channel(channel_bytes) {}

  const uint32_t number;
  Channel channel;
  std::unique_ptr<RocksState> state;
  std::unique_ptr<TimelineWriter> timeline;
  std::unique_ptr<Shard> shard;
  std::thread thread;

  // Of the shard's thread alone.
  std::vector<Message> messages;
  int64_t committed_us = 0;
  int64_t retained_us = 0;
  int64_t told_us = 0;
  bool has_more = false;  // to do by itself
  uint64_t state_bytes = 0;

  // What other threads see.
  mutable std::mutex mutex;
  std::vector<ShardMark::Node> committed;
  std::vector<Gap> gaps;
  std::map<TableId, ShardMark::Snapshot> snapshots;
  // Attempts at tables' snapshots that are of no use any more.
  std::map<TableId, uint64_t> useless_snapshots;
  std::map<uint64_t, ComparisonStats> comparisons;
  ShardStats stats;
  LatencyHistogram latencies;
};

struct Pipeline::NodeHost {
  NodeFiles files;
  NodeIndex index;
  std::string host_id;
  std::unique_ptr<NodeCapture> capture;  // nullptr: retired
  std::unique_ptr<Feeder> feeder;

  mutable std::mutex mutex;
  bool retired = false;
  NodeCapture::Stats stats;
  // When all that counted as written had been given last, and up to where.
  int64_t idle_us = 0;
  Position idle_at;
};

// The channels of the shards.
class Pipeline::Channels : public Outlet {
 public:
  explicit Channels(const std::vector<std::unique_ptr<ShardHost>>* shards) : shards_(shards) {}

  uint32_t shards() const override { return static_cast<uint32_t>(shards_->size()); }
  Status Push(uint32_t shard, ByteView, Message message) override {
    if ((*shards_)[shard]->channel.Push(std::move(message))) return {};
    return Error{ErrorCode::kTransient, "the pipeline is stopping"};
  }
  uint64_t room_bytes() const override {
    uint64_t room = UINT64_MAX;
    for (const auto& shard : *shards_) room = std::min(room, shard->channel.room_bytes());
    return room;
  }

 private:
  const std::vector<std::unique_ptr<ShardHost>>* const shards_;
};

}  // namespace braid
