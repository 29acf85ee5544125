// Within pipeline/run: what the pipeline keeps of each shard and each node.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "capture/node_capture.h"
#include "pipeline/run/pipeline.h"
#include "pipeline/run/shard.h"
#include "reconcile/rocksdb/rocks_state.h"
#include "timeline/writer.h"
#include "transport/direct/channel.h"

namespace braid {

// The wall clock, in microseconds since 1970.
int64_t WallClockUs();

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

  // What was told to the shards last: an idle node says the same again and again.
  Position told;
  WriteTime told_watermark;
  int64_t told_us = 0;

  mutable std::mutex mutex;
  bool retired = false;
  NodeCapture::Stats stats;
  // When all that counted as written had been given last, and up to where.
  int64_t idle_us = 0;
  Position idle_at;
};

}  // namespace braid
