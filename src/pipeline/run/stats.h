// What a running pipeline tells of itself: plain data, a moment's view. control/ shows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "capture/node_capture.h"
#include "model/gap.h"
#include "pipeline/run/backfill_tasks.h"
#include "pipeline/shard/shard_stats.h"

namespace braid {

struct NodeStats {
  NodeIndex index;  // as Gap::node names it
  std::string name;
  std::string host_id;
  bool retired = false;
  NodeCapture::Stats capture;
  int64_t lag_us = 0;  // the wall clock less the node's watermark
  Position acked;      // of an agent: what the brokers have of the node's log
};

// Of an agent: what it puts into Kafka.
struct OutletStats {
  uint64_t records = 0;      // taken since the start
  uint64_t acked = 0;        // of these, acknowledged by the brokers
  uint64_t bytes = 0;        // of the records
  uint64_t queued = 0;       // records that wait for an acknowledgement
  uint64_t queue_bytes = 0;  // of memory that those take
  int64_t silent_us = 0;     // for how long records have waited and none was acknowledged
  uint64_t renewed = 0;      // how often the producer had to be made anew
  std::string last_error;    // what Kafka's client said last, if anything is wrong
};

// Of a worker: a shard that the group gave to it.
struct InletStats {
  uint32_t shard = 0;
  bool restored = false;        // it runs
  int64_t next = 0;             // offset of the next record of the mutations topic, as committed
  int64_t end = 0;              // where the topic's partition ended when it was last heard of
  uint64_t records = 0;         // put into streams' topics since the shard is here
  uint64_t held_back = 0;       // Changes that are not whole, of streams that promise whole ones
  uint64_t restored_bytes = 0;  // of the changelog, when it came here
};

struct StreamStats {
  std::string name;
  std::vector<std::string> tables;  // "keyspace.table", those that exist now
};

struct BackfillStats {
  uint64_t id = 0;
  std::string table;  // "keyspace.table"
  std::string part;   // of an agent, which reads its node's part for one shard after another: "shard 3 of n1"
  BackfillTask::State state = BackfillTask::State::kWaiting;
  BackfillTask::Cause cause = BackfillTask::Cause::kAsked;
  int64_t asked_us = 0;
  bool running = false;
  // Of the running one: bytes of SSTables read since `since_us`, of about how many.
  uint64_t read_bytes = 0;
  uint64_t total_bytes = 0;
  int64_t since_us = 0;
  bool compares = false;       // it only looks (braid verify)
  ComparisonStats comparison;  // of one that does, all shards together
  std::string problem;         // why it stands still, if it does
};

struct RunStats {
  std::string name;
  std::string version;
  int64_t started_us = 0;
  int64_t now_us = 0;
  bool ready = false;               // it streams: caught up with nothing in its way
  std::string not_ready;            // why not, for people
  std::vector<std::string> alarms;  // what is wrong now, a line each
  std::vector<NodeStats> nodes;
  std::vector<ShardStats> shards;
  std::vector<Gap> open_gaps;
  std::vector<BackfillStats> backfills;  // by id; the last that ended, too
  LatencyHistogram write_to_publish;
  uint64_t resident_bytes = 0;
  uint64_t disk_used_bytes = 0;
  uint64_t disk_limit_bytes = 0;
  uint64_t disk_free_bytes = 0;     // of the volume
  uint64_t memory_limit_bytes = 0;  // as configured
  int64_t retention_us = 0;         // as configured
  std::vector<StreamStats> streams;

  std::optional<OutletStats> outlet;
  std::vector<InletStats> inlets;  // by shard

  int64_t max_lag_us() const;
  // Sets `ready` and, if nothing has set it, `not_ready`: by the alarms and the lag.
  void JudgeReady();
};

// What this process holds in memory, mapped files included; 0 where the system does not tell.
uint64_t ResidentBytes();

}  // namespace braid
