// Of worker.h: what the shards have to read of tables' pasts, one shard and one table at a time. How agents and workers
// go about it: docs/decisions/0016.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "pipeline/feed/wall_clock.h"
#include "pipeline/kafka/clients.h"
#include "pipeline/shard/past.h"
#include "pipeline/worker/worker.h"
#include "transport/message/snapshot_record.h"

namespace braid {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kLookEveryUs = kSecond / 10;
// What a round gives to the shard, so that live writes do not wait long.
constexpr uint64_t kRoundBytes = uint64_t{1} << 20;
constexpr int64_t kRoundUs = 50'000;
// After what a person must cure: longer, the more often it has failed.
constexpr int64_t kFirstPauseUs = kSecond;
constexpr int64_t kMostPauseUs = 300 * kSecond;
// An agent that has nothing to say for so long is an alarm.
constexpr int64_t kSilentUs = 30 * kSecond;

std::vector<uint64_t> GapsOf(const Shard& shard) {
  std::vector<uint64_t> ids;
  for (const Gap& gap : shard.open_gaps()) ids.push_back(gap.id);
  return ids;
}

// All that are not let go; nothing while one that is configured has not told of itself.
std::vector<SnapshotFeed::Node> NodesOf(const Shard& shard, size_t least_nodes) {
  const std::vector<ShardMark::Host>& hosts = shard.hosts();
  if (hosts.size() < least_nodes) return {};
  std::vector<SnapshotFeed::Node> nodes;
  for (size_t i = 0; i < hosts.size(); ++i) {
    const NodeIndex index{static_cast<uint16_t>(i)};
    const auto known = std::ranges::find(shard.committed().nodes, index, &ShardMark::Node::node);
    if (known != shard.committed().nodes.end() && known->retired) continue;
    nodes.push_back({hosts[i].id, hosts[i].label});
  }
  return nodes;
}

}  // namespace

std::string Worker::BackfillName() const {
  return fmt::format("backfill of {} in shard {}", backfill_.table->FullName(), backfill_.partition);
}

Status Worker::StepBackfills() {
  if (backfill_.table == nullptr) return LookForBackfill();
  Hosted* hosted = Find(backfill_.partition);
  // What was noted of live writes went with the shard as it was.
  if (failed_ || hosted == nullptr || hosted->phase() != HostedShard::Phase::kRunning) return EndBackfill("", 0);
  const auto useless = hosted->shard()->UselessSnapshots();
  const auto told = useless.find(backfill_.table->table_id);
  const bool is_useless = told != useless.end() && told->second == backfill_.attempt;
  // The files may have been opened before what was lost was written.
  const bool is_older = GapsOf(*hosted->shard()) != backfill_.gaps;
  // One that came has something, too; one that was let go never answers.
  const bool others = NodesOf(*hosted->shard(), LeastNodes()).size() != backfill_.nodes;
  if (is_useless || is_older || others) return EndBackfill("", kFirstPauseUs);
  const SnapshotFeed::Progress progress = feed_.progress();
  if (progress.ready && !backfill_.asked) TRY(AskForSnapshot(hosted));
  TRY(GiveSnapshot(hosted));
  if (failed_ || backfill_.table == nullptr) return {};
  if (!progress.problem.empty()) {
    BackfillPause& pause = backfill_pauses_[{backfill_.partition, backfill_.table->table_id}];
    pause.name = BackfillName();
    pause.problem = progress.problem;
    pause.length_us = std::clamp(pause.length_us * 2, kFirstPauseUs, kMostPauseUs);
    return EndBackfill(progress.problem, pause.length_us);
  }
  WatchSilence(progress);
  if (!progress.ended || feed_.has_any()) return {};
  // Everything was given: what is taken in with the next commit stays.
  TRY(Commit());
  return failed_ ? Status() : EndBackfill("", 0);
}

Status Worker::LookForBackfill() {
  const int64_t now_us = WallClockUs();
  if (failed_ || now_us < backfills_looked_us_ + kLookEveryUs) return {};
  backfills_looked_us_ = now_us;
  std::set<std::pair<int32_t, TableId>> needed;
  for (const auto& [partition, hosted] : shards_) {
    if (hosted->phase() != HostedShard::Phase::kRunning) continue;
    Shard* shard = hosted->shard();
    const ShardMark& mark = shard->committed();
    const PastRules rules = RulesOf(hosted->number());
    if (config_.backfill.gaps) TRY(TellHealed(hosted.get(), HealedGaps(mark, *schemas_, rules.tokens)));
    if (failed_) return {};
    ASSIGN_OR_RETURN(const std::vector<PastNeed> needs, NeedsOf(mark, *schemas_, rules));
    for (const PastNeed& need : needs) needed.insert({partition, need.table->table_id});
    for (const PastNeed& need : needs) {
      const auto pause = backfill_pauses_.find({partition, need.table->table_id});
      const bool pauses = pause != backfill_pauses_.end() && now_us < pause->second.until_us;
      // What has run out is only known when all nodes' logs have been read for a while.
      if (pauses || shard->stats().watermark_us == 0) continue;
      return BeginBackfill(hosted.get(), need);
    }
  }
  // What stood still and is not this worker's to do any more, or nobody's.
  std::erase_if(backfill_pauses_, [&](const auto& pause) {
    if (needed.contains(pause.first)) return false;
    alarms_.Set(pause.second.name, "");
    return true;
  });
  return {};
}

Status Worker::TellHealed(Hosted* hosted, const std::vector<Gap>& gaps) {
  for (const Gap& gap : gaps) TRY(Give(hosted, HealedMessage(gap)));
  return {};
}

Status Worker::BeginBackfill(Hosted* hosted, const PastNeed& need) {
  Shard* shard = hosted->shard();
  std::vector<SnapshotFeed::Node> nodes = NodesOf(*shard, LeastNodes());
  if (nodes.empty()) return {};
  // Agents that were asked before may still answer: what they send is of another attempt.
  backfill_ = {.partition = static_cast<int32_t>(hosted->number()),
               .table = need.table,
               .attempt = static_cast<uint64_t>(WallClockUs()),
               .from = need.from,
               .gaps = GapsOf(*shard),
               .nodes = nodes.size()};
  backfill_.note = {.task = need.task, .attempt = backfill_.attempt, .repair = need.repair};
  feed_.Start({.shard = hosted->number(),
               .schema = need.table,
               .schemas = schemas_.get(),
               .note = backfill_.note,
               .through = TokensOf(hosted->number(), config_.shards).through,
               .nodes = std::move(nodes)});
  return {};
}

// The shard notes from here on which rows live writes touch; only then agents may open files, and they see the request
// when that is committed.
Status Worker::AskForSnapshot(Hosted* hosted) {
  const TokenRange tokens = TokensOf(hosted->number(), config_.shards);
  Message begin;
  begin.kind = Message::Kind::kSnapshotBegin;
  begin.table = backfill_.table->table_id;
  begin.snapshot = backfill_.note;
  begin.snapshot.token = tokens.after;
  TRY(Give(hosted, begin));
  if (failed_) return {};
  SnapshotRequest request{.shard = hosted->number(),
                          .attempt = backfill_.attempt,
                          .table = backfill_.table->table_id,
                          .after = backfill_.from,
                          .through = tokens.through};
  // The partition in which it goes on is given again from its beginning.
  if (request.after > tokens.after) --request.after.value;
  TRY(ProduceRequest(hosted->number(), EncodeSnapshotRequest(request)));
  TRY(Commit());
  backfill_.asked = !failed_;
  if (backfill_.asked) Tell(false, fmt::format("the {} begins", BackfillName()));
  return {};
}

Status Worker::ProduceRequest(uint32_t shard, std::optional<std::string_view> request) {
  const Status produced = ProduceWithin(kafka_.snapshots_topic, 0, SnapshotRequestKey(shard), request);
  if (!produced.has_value() && produced.error().code == ErrorCode::kTransient) return Failed(produced.error().message);
  return produced;
}

Status Worker::GiveSnapshot(Hosted* hosted) {
  const int64_t until_us = WallClockUs() + kRoundUs;
  Message message;
  for (uint64_t given = 0; given < kRoundBytes && WallClockUs() < until_us && feed_.Take(&message);) {
    given += message.size_bytes();
    TRY(TakeMessage(hosted, message));
    if (failed_) return {};
    if (hosted->shard()->pending_bytes() >= CommitBytes()) TRY(Commit());
    if (failed_) return {};
  }
  return {};
}

void Worker::WatchSilence(const SnapshotFeed::Progress& progress) {
  const int64_t now_us = WallClockUs();
  if (progress.waiting != backfill_.waiting) {
    backfill_.waiting = progress.waiting;
    backfill_.waiting_since_us = now_us;
  }
  const bool silent = !progress.waiting.empty() && now_us - backfill_.waiting_since_us > kSilentUs;
  alarms_.Set(BackfillName(), silent ? fmt::format("the {} waits for what node {} has: does its agent run?",
                                                   BackfillName(), progress.waiting)
                                     : "");
}

// Whatever came of it. What is still to be done is found by LookForBackfill, after the pause.
Status Worker::EndBackfill(const std::string& problem, int64_t pause_us) {
  feed_.Stop();
  const std::string name = BackfillName();
  const std::pair place{backfill_.partition, backfill_.table->table_id};
  const bool asked = backfill_.asked;
  const bool is_here = Find(backfill_.partition) != nullptr;
  backfill_ = {};
  alarms_.Set(
      name, problem.empty() ? "" : fmt::format("the {} stands still: {}; it is tried again by itself", name, problem));
  if (pause_us > 0) backfill_pauses_[place].until_us = WallClockUs() + pause_us;
  if (pause_us == 0) backfill_pauses_.erase(place);
  // Of a shard that is another worker's the request may be that one's.
  if (failed_ || !asked || !is_here) return {};
  return ProduceRequest(static_cast<uint32_t>(place.first), std::nullopt);
}

// What is under way and what waits, a table each.
std::vector<BackfillStats> Worker::Backfills() const {
  std::map<std::string, BackfillStats> by_table;
  for (const auto& [partition, hosted] : shards_) {
    if (hosted->phase() != HostedShard::Phase::kRunning) continue;
    const auto needs = NeedsOf(hosted->shard()->committed(), *schemas_, RulesOf(hosted->number()));
    if (!needs.has_value()) continue;
    for (const PastNeed& need : *needs) {
      BackfillStats& stats = by_table[need.table->FullName()];
      stats.table = need.table->FullName();
      stats.cause = need.repair ? BackfillTask::Cause::kGap : BackfillTask::Cause::kBootstrap;
      const auto pause = backfill_pauses_.find({partition, need.table->table_id});
      if (pause != backfill_pauses_.end() && !pause->second.problem.empty()) stats.problem = pause->second.problem;
      if (backfill_.table != need.table || backfill_.partition != partition) continue;
      const SnapshotFeed::Progress progress = feed_.progress();
      stats.running = true;
      stats.read_bytes = progress.read_bytes;
      stats.since_us = stats.asked_us = progress.since_us;
    }
  }
  std::vector<BackfillStats> told;
  for (auto& [name, stats] : by_table) {
    stats.id = told.size() + 1;
    told.push_back(std::move(stats));
  }
  return told;
}

PastRules Worker::RulesOf(uint32_t shard) const {
  return {.tokens = TokensOf(shard, config_.shards),
          .bootstrap = config_.backfill.bootstrap,
          .gaps = config_.backfill.gaps};
}

}  // namespace braid
