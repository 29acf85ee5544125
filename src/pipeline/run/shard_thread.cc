// A shard's thread: takes what is on the channel, merges it, commits.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "pipeline/run/hosts.h"
#include "pipeline/run/pipeline.h"

namespace braid {
namespace {

constexpr int64_t kSecond = 1'000'000;
// Changes wait no longer than this for others to be committed with: a commit costs two syncs of a disk.
constexpr int64_t kCommitEveryUs = 2'000;
// While the channel never runs dry a commit is made this often.
constexpr int64_t kCommitUnderLoadUs = 50'000;
// Where only positions have moved, nobody waits.
constexpr int64_t kCommitPositionsUs = 1 * kSecond;
constexpr int64_t kTellEveryUs = 100'000;
constexpr int64_t kRetainEveryUs = 10 * kSecond;
constexpr int64_t kIdleUs = 100'000;
constexpr auto kFullDiskPause = std::chrono::milliseconds(500);

}  // namespace

void Pipeline::RunShard(ShardHost* host) {
  host->committed_us = WallClockUs();
  while (!failed_) {
    const Result<bool> alive = StepShard(host);
    if (!alive.has_value()) {
      Fail(alive.error().At(fmt::format("shard {}", host->number)));
      return;
    }
    if (!*alive) return;
  }
}

// How long the shard may sleep until something must be done.
int64_t Pipeline::SleepOf(const ShardHost& host) const {
  if (host.has_more) return 0;
  const int64_t now_us = WallClockUs();
  int64_t due_us = host.shard->due_us().value_or(now_us + kIdleUs);
  if (host.shard->has_news()) {
    due_us = std::min(due_us, host.committed_us + (host.shard->has_changes() ? kCommitEveryUs : kCommitPositionsUs));
  }
  return std::clamp<int64_t>(due_us - now_us, 0, kIdleUs);
}

Result<bool> Pipeline::StepShard(ShardHost* host) {
  const bool alive = host->channel.TakeAll(&host->messages, SleepOf(*host));
  for (const Message& message : host->messages) {
    TRY(host->shard->Take(message, WallClockUs()));
    const bool due = host->shard->has_changes() && WallClockUs() - host->committed_us >= kCommitUnderLoadUs;
    if (due || host->shard->pending_bytes() >= CommitBytes()) TRY(CommitShard(host));
  }
  ASSIGN_OR_RETURN(host->has_more, host->shard->Tick(WallClockUs()));
  const int64_t since_us = WallClockUs() - host->committed_us;
  const int64_t due_us = host->shard->has_changes() ? kCommitEveryUs : kCommitPositionsUs;
  if (!alive || (host->shard->has_news() && since_us >= due_us)) TRY(CommitShard(host));
  RetainTimeline(host);
  TellStats(host);
  return alive;
}

// Commits, or waits until our own disk has room again: nothing is lost meanwhile, and nothing more is read.
Status Pipeline::CommitShard(ShardHost* host) {
  const std::string what = fmt::format("disk of shard {}", host->number);
  while (true) {
    Status committed = host->shard->Commit(WallClockUs());
    if (committed.has_value()) break;
    if (committed.error().code != ErrorCode::kNoSpace) return committed;
    alarms_.Set(what,
                fmt::format("{}; nothing is emitted until there is room, and nothing is lost: free some space, or "
                            "lower disk or retention",
                            committed.error().message));
    if (stop_()) return committed;
    host->retained_us = 0;
    RetainTimeline(host);
    std::this_thread::sleep_for(kFullDiskPause);
  }
  alarms_.Set(what, "");
  host->committed_us = WallClockUs();
  const LatencyHistogram latencies = host->shard->TakeLatencies();
  const std::lock_guard lock(host->mutex);
  host->committed = host->shard->committed().nodes;
  host->gaps = host->shard->committed().gaps;
  host->snapshots = host->shard->committed().snapshots;
  host->latencies.Merge(latencies);
  return {};
}

// Removes what nobody is promised any more. What cannot be removed now is tried again.
void Pipeline::RetainTimeline(ShardHost* host) {
  const int64_t now_us = WallClockUs();
  if (now_us - host->retained_us < kRetainEveryUs) return;
  host->retained_us = now_us;
  host->state_bytes = DirectoryBytes(files_, ShardStatePath(config_.state, host->number));
  const uint64_t share = config_.disk_bytes / identity_.shards;
  // The state cannot shrink, so the timeline gets what it leaves, and never less than an eighth.
  const uint64_t keep_bytes = std::max(share - std::min(share, host->state_bytes), share / 8);
  const Status retained = host->timeline->Retain(now_us - config_.retention_us, keep_bytes, host->timeline->end());
  alarms_.Set(fmt::format("retention of shard {}", host->number), retained.has_value() ? "" : retained.error().message);
}

void Pipeline::TellStats(ShardHost* host) {
  const int64_t now_us = WallClockUs();
  if (now_us - host->told_us < kTellEveryUs) return;
  host->told_us = now_us;
  ShardStats stats = host->shard->stats();
  stats.number = host->number;
  stats.queue_bytes = host->channel.held_bytes();
  stats.state_bytes = host->state_bytes;
  const std::lock_guard lock(host->mutex);
  host->stats = stats;
  host->useless_snapshots = host->shard->UselessSnapshots();
  host->comparisons = host->shard->comparisons();
}

}  // namespace braid
