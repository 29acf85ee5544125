// A moment's view of a worker.
#include <fmt/format.h>

#include <algorithm>

#include "base/version.h"
#include "pipeline/feed/wall_clock.h"
#include "pipeline/worker/worker.h"

namespace braid {
namespace {

constexpr int64_t kTellEveryUs = 100'000;

}  // namespace

void Worker::TellStats() {
  const int64_t now_us = WallClockUs();
  if (now_us - told_us_ < kTellEveryUs) return;
  told_us_ = now_us;
  std::vector<InletStats> inlets;
  std::vector<ShardStats> shards;
  LatencyHistogram latencies;
  std::map<uint64_t, Gap> gaps;
  std::string not_ready;
  for (const auto& [partition, hosted] : shards_) {
    InletStats& inlet = inlets.emplace_back();
    inlet.shard = hosted->number();
    inlet.restored_bytes = hosted->restored_bytes();
    inlet.end = std::max<int64_t>(consumer_->KnownEnd(Mutations(hosted->number())), 0);
    if (hosted->phase() != HostedShard::Phase::kRunning) {
      not_ready = fmt::format("shard {} is being restored", partition);
      continue;
    }
    inlet.restored = true;
    inlet.next = hosted->shard()->committed().input.value;
    inlet.records = hosted->topics()->topic_stats().records;
    inlet.held_back = hosted->topics()->topic_stats().held_back;
    ShardStats stats = hosted->shard()->stats();
    stats.number = hosted->number();
    const RocksState::Stats state = hosted->state()->stats();
    stats.state_bytes = state.disk_bytes;
    stats.state_reads = state.reads;
    stats.state_cache_hits = state.cache_hits;
    shards.push_back(stats);
    latencies.Merge(hosted->shard()->TakeLatencies());
    for (const Gap& gap : hosted->shard()->committed().gaps) gaps.emplace(gap.id, gap);
  }
  std::vector<BackfillStats> backfills = Backfills();
  if (failed_) not_ready = "the brokers do not take transactions";
  const std::lock_guard lock(mutex_);
  stats_.inlets = std::move(inlets);
  stats_.shards = std::move(shards);
  stats_.backfills = std::move(backfills);
  stats_.write_to_publish.Merge(latencies);
  stats_.not_ready = not_ready;
  stats_.open_gaps.clear();
  for (const auto& [id, gap] : gaps) stats_.open_gaps.push_back(gap);
}

RunStats Worker::Stats() const {
  RunStats stats;
  {
    const std::lock_guard lock(mutex_);
    stats = stats_;
  }
  stats.name = config_.name;
  stats.version = kVersion;
  stats.started_us = started_us_;
  stats.now_us = WallClockUs();
  stats.alarms = alarms_.List();
  stats.resident_bytes = ResidentBytes();
  stats.memory_limit_bytes = config_.memory_bytes;
  for (const ShardStats& shard : stats.shards) stats.disk_used_bytes += shard.state_bytes;
  if (const auto free_bytes = files_->FreeBytes(config_.state); free_bytes.has_value()) {
    stats.disk_free_bytes = *free_bytes;
  }
  stats.JudgeReady();
  return stats;
}

}  // namespace braid
