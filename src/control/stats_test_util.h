// A pipeline's view of itself with something in every member. Only tests include it.
#pragma once

#include "pipeline/run/stats.h"

namespace braid {

inline RunStats SomeStats() {
  RunStats stats;
  stats.name = "movies";
  stats.version = "1.2.3";
  stats.started_us = 1'700'000'000'000'000;
  stats.now_us = stats.started_us + 7'200'000'000;
  stats.ready = true;
  NodeStats node;
  node.name = "n1";
  node.host_id = "6a1f0d2e-0000-4000-8000-000000000001";
  node.lag_us = 1'500'000;
  node.capture.bytes_read = 1'000'000;
  node.capture.mutations = 321;
  node.capture.cdc_raw_bytes = uint64_t{64} << 20;
  node.capture.cdc_space_bytes = uint64_t{4} << 30;
  node.capture.last_write = WriteTime{1'700'000'001'500'000};
  node.capture.position = {.node = {0}, .segment = {1700000000123}, .offset = 4711};
  stats.nodes.push_back(node);
  node.name = "n2";
  node.capture.reachable = false;
  node.capture.last_write = WriteTime::None();
  node.capture.position = {.node = {1}, .segment = {1700000000456}, .offset = kSegmentEnd};
  node.lag_us = 90'000'000;
  stats.nodes.push_back(node);
  stats.nodes[1].index = NodeIndex{1};
  ShardStats shard;
  shard.reconcile.mutations = 642;
  shard.reconcile.copies = 321;
  shard.reconcile.changes = 300;
  shard.reconcile.late = 4;
  shard.timeline.bytes = 123'456;
  shard.timeline.oldest_us = stats.started_us;
  shard.held = 17;
  shard.state_reads = 200;
  shard.state_cache_hits = 150;
  shard.watermark_us = stats.started_us;
  stats.shards = {shard, ShardStats{.number = 1}};
  Gap gap;
  gap.id = 3;
  gap.reason = GapReason::kOverflow;
  gap.node = NodeIndex{1};
  gap.from = {.node = {1}, .segment = {1700000000400}, .offset = kSegmentEnd};
  gap.to = {.node = {1}, .segment = {1700000000401}, .offset = kSegmentEnd};
  gap.detail = "cdc_raw of n2 was full";
  gap.seen_at = WriteTime{stats.started_us};
  stats.open_gaps = {gap};
  BackfillStats backfill;
  backfill.id = 1;
  backfill.table = "vault.titles";
  backfill.cause = BackfillTask::Cause::kGap;
  backfill.state = BackfillTask::State::kDone;
  stats.backfills.push_back(backfill);
  backfill.id = 2;
  backfill.cause = BackfillTask::Cause::kBootstrap;
  backfill.state = BackfillTask::State::kWaiting;
  backfill.running = true;
  backfill.read_bytes = uint64_t{1} << 30;
  backfill.total_bytes = uint64_t{3} << 30;
  backfill.since_us = stats.now_us - 60'000'000;
  stats.backfills.push_back(backfill);
  backfill.id = 3;
  backfill.running = false;
  backfill.compares = true;
  backfill.comparison = {.done = true, .rows = 7, .extra = 1, .samples = {"{}"}};
  stats.backfills.push_back(backfill);
  for (const int64_t us : {100, 3'000, 3'000, 5'000'000}) stats.write_to_publish.Add(us);
  stats.resident_bytes = uint64_t{300} << 20;
  stats.memory_limit_bytes = uint64_t{512} << 20;
  stats.disk_used_bytes = uint64_t{5} << 30;
  stats.disk_limit_bytes = uint64_t{20} << 30;
  stats.disk_free_bytes = uint64_t{100} << 30;
  stats.retention_us = int64_t{7} * 86400 * 1'000'000;
  stats.streams = {{"public-titles", {"vault.titles"}}, {"empty", {}}};
  return stats;
}

}  // namespace braid
