// Of pipeline.h: what is to be backfilled, in which order, and what follows when it is done. All of it runs on the
// thread that captures; a Backfiller reads.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "pipeline/run/hosts.h"
#include "pipeline/run/pipeline.h"
#include "pipeline/shard/past.h"
#include "reconcile/reconciler.h"

namespace braid {
namespace {

constexpr int64_t kSecond = 1'000'000;
// After a table was truncated, until all nodes have done so.
constexpr int64_t kBeginAgainUs = 5 * kSecond;
// Where no backfill can be done at all.
constexpr int64_t kLookAgainUs = 60 * kSecond;
// Of the configured memory.
constexpr uint64_t kMemoryShare = 8;

std::string AlarmOf(const BackfillTask& task) {
  return fmt::format("backfill {}", task.id);
}

}  // namespace

std::vector<Gap> Pipeline::OpenGaps() const {
  std::vector<Gap> open;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    for (const Gap& gap : shard->gaps) {
      if (std::ranges::find(open, gap.id, &Gap::id) == open.end()) open.push_back(gap);
    }
  }
  return open;
}

Status Pipeline::StepBackfills() {
  const std::vector<const TableSchema*> tables = schemas_->CapturedTables();
  const std::vector<Gap> open = OpenGaps();
  const BackfillTasks before = backfills_;
  const auto begun = [this](const BackfillTask& task) { return HasBegun(task); };
  if (config_.backfill.gaps) AddForGaps(open, tables, WallClockUs(), begun, &backfills_);
  if (config_.backfill.bootstrap) AddForHistory(tables);
  DropGoneTables();
  TRY(FinishBackfill());
  for (const Gap& gap : Healed(open, tables, backfills_)) TellHealed(gap);
  backfills_.Forget(open, [&](const TableId& id) {
    return std::ranges::find(tables, id, &TableSchema::table_id) != tables.end() && !schemas_->HistoryKnown(id);
  });
  std::erase_if(verdicts_, [&](const auto& verdict) { return backfills_.Find(verdict.first) == nullptr; });
  std::erase_if(problems_, [&](const auto& problem) { return backfills_.Find(problem.first) == nullptr; });
  std::erase_if(backfill_.begun, [&](uint64_t id) { return backfills_.Find(id) == nullptr; });
  if (backfills_ != before) backfills_dirty_ = true;
  if (backfills_dirty_) {
    const Status written = WriteBackfills(files_, config_.state, backfills_);
    // A full disk is told of by those who have more to write.
    if (!written.has_value()) return written.error().code == ErrorCode::kNoSpace ? Status() : written;
    backfills_dirty_ = false;
  }
  BeginBackfill();
  TellBackfills();
  return {};
}

Status Pipeline::TakeBackfillRequest(const BackfillRequest& request) {
  using What = BackfillRequest::What;
  const std::vector<const TableSchema*> tables = schemas_->CapturedTables();
  const auto table = std::ranges::find_if(tables, [&](const auto* each) { return each->FullName() == request.table; });
  if (table == tables.end()) {
    Tell(true, fmt::format("{} was asked to be backfilled and is no captured table", request.table));
    return {};
  }
  if (request.what == What::kBegin || request.what == What::kVerify) {
    BackfillTask task{
        .table = (*table)->table_id, .name = request.table, .tokens = request.tokens, .asked_us = WallClockUs()};
    task.compares = request.what == What::kVerify;
    for (const Gap& gap : OpenGaps()) task.gaps.push_back(gap.id);
    backfills_.Add(std::move(task));
    backfills_dirty_ = true;
    // Whoever asks has cured what there was to cure: all are tried at once.
    backfill_.turns = {};
    backfill_.next_us = 0;
    return {};
  }
  for (BackfillTask* task : backfills_.Unfinished((*table)->table_id)) {
    if (request.what == What::kCancel) {
      EndBackfill(task, BackfillTask::State::kCancelled);
    } else {
      if (backfill_.task == task->id) StopBackfill();
      const bool pauses = request.what == What::kPause;
      task->state = pauses ? BackfillTask::State::kPaused : BackfillTask::State::kWaiting;
      alarms_.Set(AlarmOf(*task), "");
      backfill_.turns.Forget(task->id);
      backfill_.next_us = 0;
    }
    backfills_dirty_ = true;
  }
  return {};
}

// Whether everything that the nodes had logged by then is in the state: `surely`, which takes as long as a log may hide
// what is in it, or as far as their logs showed it.
bool Pipeline::CaughtUp(int64_t since_us, bool surely) const {
  if (surely) {
    return std::ranges::all_of(shards_, [&](const auto& shard) {
      const std::lock_guard lock(shard->mutex);
      return shard->stats.watermark_us > since_us;
    });
  }
  return std::ranges::all_of(nodes_, [&](const auto& node) {
    const std::optional<Position> committed = CommittedEverywhere(node->index);
    const std::lock_guard lock(node->mutex);
    if (node->retired) return true;
    return node->idle_us > since_us && (node->idle_at.none() || (committed.has_value() && *committed >= node->idle_at));
  });
}

// A table with a past that no log holds is read once; who cancels that does not want it.
void Pipeline::AddForHistory(const std::vector<const TableSchema*>& tables) {
  for (const TableSchema* table : tables) {
    if (schemas_->HistoryKnown(table->table_id)) continue;
    const bool asked = std::ranges::any_of(backfills_.tasks, [&](const BackfillTask& task) {
      return task.table == table->table_id && task.tokens.all() && !task.compares;
    });
    if (asked) continue;
    backfills_.Add({.table = table->table_id,
                    .name = table->FullName(),
                    .cause = BackfillTask::Cause::kBootstrap,
                    .asked_us = WallClockUs()});
  }
}

// Of tables that are gone, or not captured any more: what is written to those meanwhile is in no log, so that whatever
// was read of them before counts for nothing should they be captured again.
void Pipeline::DropGoneTables() {
  const auto uncaptured = [this](const BackfillTask& task) {
    const TableSchema* schema = schemas_->FindTable(task.table);
    return schema != nullptr && !schema->cdc;
  };
  std::erase_if(backfills_.tasks, [&](const BackfillTask& task) { return task.ended() && uncaptured(task); });
  for (BackfillTask& task : backfills_.tasks) {
    if (task.ended() || (schemas_->FindTable(task.table) != nullptr && !uncaptured(task))) continue;
    Tell(false, fmt::format("the backfill of {} ends: the table is gone, or not captured any more", task.name));
    EndBackfill(&task, BackfillTask::State::kCancelled);
  }
}

// Whether something of it may have been read already, by this process or another.
bool Pipeline::HasBegun(const BackfillTask& task) const {
  if (backfill_.begun.contains(task.id)) return true;
  return std::ranges::any_of(shards_, [&](const auto& shard) {
    const std::lock_guard lock(shard->mutex);
    const auto place = shard->snapshots.find(task.table);
    return place != shard->snapshots.end() && place->second.task == task.id;
  });
}

// Whatever the outcome: nothing waits for it any more.
void Pipeline::EndBackfill(BackfillTask* task, BackfillTask::State state) {
  if (backfill_.task == task->id) StopBackfill();
  task->state = state;
  backfill_.turns.Forget(task->id);
  alarms_.Set(AlarmOf(*task), "");
  if (state == BackfillTask::State::kDone || task->compares) return;
  for (const auto& shard : shards_) {
    Message message;
    message.kind = Message::Kind::kSnapshotEnd;
    message.table = task->table;
    message.snapshot = {.task = task->id, .attempt = UINT64_MAX, .done = true, .given_up = true};
    shard->channel.Push(std::move(message));
  }
}

void Pipeline::StopBackfill() {
  backfiller_.Stop();
  backfill_.task = 0;
}

bool Pipeline::BackfillIsUseless() const {
  return std::ranges::any_of(shards_, [&](const auto& shard) {
    const std::lock_guard lock(shard->mutex);
    const auto found = shard->useless_snapshots.find(backfill_.table);
    return found != shard->useless_snapshots.end() && found->second == backfill_.attempt;
  });
}

// Looks what became of the attempt under way.
Status Pipeline::FinishBackfill() {
  BackfillTask* task = backfills_.Find(backfill_.task);
  if (task == nullptr) return {};
  const Backfiller::Progress progress = backfiller_.progress();
  if (progress.running) return {};
  if (BackfillIsUseless()) {
    backfill_.turns.Wait(task->id, WallClockUs() + kBeginAgainUs);
    StopBackfill();
    return {};
  }
  if (!progress.ended && task->compares) {
    // Whoever asked is waiting for a word.
    Tell(true, fmt::format("the verification of {} ends without a verdict: {}", task->name, progress.problem));
    problems_[task->id] = progress.problem;
    EndBackfill(task, BackfillTask::State::kCancelled);
    return {};
  }
  if (!progress.ended) {
    problems_[task->id] = progress.problem;
    alarms_.Set(AlarmOf(*task), fmt::format("the backfill of {} stands still: {}; it is tried again by itself",
                                            task->name, progress.problem));
    backfill_.turns.Fail(task->id, WallClockUs());
    StopBackfill();
    return {};
  }
  if (task->compares) {
    if (const auto verdict = Verdict(); verdict.done) {
      if (verdict.differences() != 0 && std::exchange(backfill_.surely, task->id) != task->id) {
        // A flush may have been ahead of the log.
        StopBackfill();
        return {};
      }
      verdicts_[task->id] = verdict;
      Tell(verdict.differences() != 0,
           fmt::format("{} was verified: {} rows, {} of which differ from what the nodes have", task->name,
                       verdict.rows, verdict.differences()));
      EndBackfill(task, BackfillTask::State::kDone);
    }
    return {};
  }
  if (!std::ranges::all_of(ShardPlaces(*task), &Backfiller::ShardPlace::done)) return {};
  if (task->tokens.all() && !schemas_->HistoryKnown(task->table)) {
    const Status marked = schemas_->MarkHistoryKnown(task->table);
    // A full disk is waited for.
    if (!marked.has_value()) return marked.error().code == ErrorCode::kNoSpace ? Status() : marked;
    TellSchema(task->table);
  }
  Tell(false, fmt::format("the backfill of {} is done: {:.1f} MB of SSTables read", task->name,
                          static_cast<double>(progress.read_bytes) / 1e6));
  problems_.erase(task->id);
  EndBackfill(task, BackfillTask::State::kDone);
  return {};
}

// Of the comparison under way, all shards together.
ComparisonStats Pipeline::Verdict() const {
  ComparisonStats all{.done = true};
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    const auto found = shard->comparisons.find(backfill_.attempt);
    all.Merge(found == shard->comparisons.end() ? ComparisonStats() : found->second);
  }
  return all;
}

void Pipeline::TellHealed(const Gap& gap) {
  for (const auto& shard : shards_) shard->channel.Push(HealedMessage(gap));
}

void Pipeline::BeginBackfill() {
  const std::string directory = config_.state + "/backfill-logs";
  // What is not written down must not begin: its id would be another task's after a crash, and what was read for it
  // would count as that one's.
  if (backfills_dirty_) return;
  if (backfill_.task != 0 || WallClockUs() < backfill_.next_us || stop_()) return;
  const BackfillTask* next = backfill_.turns.Next(backfills_, WallClockUs());
  if (next == nullptr) return;
  if (std::string why = WhyNoBackfill(); !why.empty()) {
    alarms_.Set(AlarmOf(*next), fmt::format("{} is not backfilled: {}", next->name, why));
    backfill_.next_us = WallClockUs() + kLookAgainUs;
    return;
  }
  const TableSchema* schema = schemas_->FindTable(next->table);
  // What has run out is only known when the nodes' logs have been read for a while.
  const bool clockless = std::ranges::any_of(
      nodes_, [](const auto& node) { return node->capture != nullptr && node->stats.watermark.none(); });
  if (schema == nullptr || clockless) return;
  if (!files_->MakeDirectory(directory).has_value()) return;
  backfill_.task = next->id;
  backfill_.table = next->table;
  ++backfill_.attempt;
  backfill_.begun.insert(next->id);
  Backfiller::Job job{.task = *next,
                      .attempt = backfill_.attempt,
                      .repair = schemas_->HistoryKnown(next->table),
                      .shards = ShardPlaces(*next),
                      .files = {},
                      .rate_bytes = config_.backfill.rate_bytes,
                      .caught_up = [this, surely = backfill_.surely ==
                                                   next->id](int64_t since_us) { return CaughtUp(since_us, surely); },
                      .wanted = [this] { return !failed_ && !stop_() && !BackfillIsUseless(); }};
  job.files.tables = schemas_.get();
  job.files.schema = schema;
  job.files.exclude = config_.exclude;
  job.files.memory_bytes = config_.memory_bytes / kMemoryShare;
  job.files.directory = directory;
  // Whatever was captured must be in it; and what was not captured yet is no difference.
  job.files.unsynced = !next->compares || config_.tail == NodeCapture::Tail::kLive;
  for (const auto& node : nodes_) {
    if (node->capture == nullptr) continue;
    job.files.nodes.push_back(node->files);
    job.files.captured.push_back(CommittedEverywhere(node->index).value_or(Position()).segment);
  }
  Tell(false, fmt::format("the {} of {} begins", next->compares ? "verification" : "backfill", next->name));
  backfiller_.Start(std::move(job));
}

// A backfill that cannot see everything would tell rows for dead that live.
std::string Pipeline::WhyNoBackfill() const {
  for (const auto& node : nodes_) {
    std::string why = node->capture == nullptr ? "" : WhyNoSnapshot(config_, node->files);
    if (!why.empty()) return why;
  }
  for (uint16_t i = 0; i < identity_.node_count(); ++i) {
    const auto follows = [&](const auto& node) { return node->index.value == i && node->capture != nullptr; };
    if (identity_.nodes[i].retired || std::ranges::any_of(nodes_, follows)) continue;
    return fmt::format("node {} is known but not configured; put it back, or let it go with braid retire",
                       identity_.nodes[i].name);
  }
  return "";
}

std::vector<Backfiller::ShardPlace> Pipeline::ShardPlaces(const BackfillTask& task) const {
  std::vector<Backfiller::ShardPlace> places;
  for (uint32_t number = 0; number < shards_.size(); ++number) {
    const TokenRange own = TokensOf(number, identity_.shards);
    const bool outside = !task.tokens.all() && (own.through <= task.tokens.after || task.tokens.through <= own.after);
    Backfiller::ShardPlace place{.channel = &shards_[number]->channel, .done = outside, .from = own.after};
    const std::lock_guard lock(shards_[number]->mutex);
    const auto known = shards_[number]->snapshots.find(task.table);
    if (!task.compares && known != shards_[number]->snapshots.end() && known->second.task == task.id) {
      place.done = outside || known->second.done;
      const auto from = Reconciler::SnapshotToken({.next = known->second.next, .known = "", .deletion = {}});
      if (from.has_value()) place.from = *from;
    }
    places.push_back(place);
  }
  return places;
}

void Pipeline::TellBackfills() {
  std::vector<BackfillStats> told;
  const Backfiller::Progress progress = backfiller_.progress();
  for (const BackfillTask& task : backfills_.tasks) {
    BackfillStats& stats = told.emplace_back();
    stats.id = task.id;
    stats.table = task.name;
    stats.state = task.state;
    stats.cause = task.cause;
    stats.asked_us = task.asked_us;
    stats.compares = task.compares;
    if (const auto problem = problems_.find(task.id); problem != problems_.end()) stats.problem = problem->second;
    if (const auto verdict = verdicts_.find(task.id); verdict != verdicts_.end()) stats.comparison = verdict->second;
    if (task.id != backfill_.task) continue;
    if (task.compares) stats.comparison = Verdict();
    stats.running = progress.running;
    stats.read_bytes = progress.read_bytes;
    stats.total_bytes = progress.total_bytes;
    stats.since_us = progress.since_us;
  }
  const std::lock_guard lock(mutex_);
  told_backfills_ = std::move(told);
}

}  // namespace braid
