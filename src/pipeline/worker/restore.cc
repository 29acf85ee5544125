// How a worker comes by the state of the shards that it is given.
//
// First it asks where the group stands: an answer means that no transaction of the shard's last worker is being
// decided, for one that had named its offsets would hold the answer back, and one that had not is refused by the
// broker, since the group has moved on. Only then it asks where the changelog ends, undecided transactions included,
// and reads it to there. So nothing that was ever committed is missed, whoever wrote it and however it died.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "pipeline/feed/wall_clock.h"
#include "pipeline/worker/worker.h"

namespace braid {
namespace {

constexpr int kAskTimeoutMs = 1'000;
constexpr size_t kMostRecords = 10'000;
// How long the first worker of all waits for agents to say whose history is known: rows that are told of before are
// incomplete.
constexpr int64_t kIntroductionUs = 30'000'000;
// How much is restored before the group is looked after again.
constexpr int64_t kStepUs = 200'000;

}  // namespace

Status Worker::StepRestore() {
  TRY(AskForRestore());
  const int64_t since_us = WallClockUs();
  while (WallClockUs() - since_us < kStepUs) {
    const bool any = std::ranges::any_of(
        shards_, [](const auto& each) { return each.second->phase() == HostedShard::Phase::kRestoring; });
    if (!any) break;
    const bool others_run = std::ranges::any_of(
        shards_, [](const auto& each) { return each.second->phase() == HostedShard::Phase::kRunning; });
    const KafkaBatch& batch = restorer_->Poll(kMostRecords, others_run ? 0 : 20);
    const bool is_last = batch.records.empty();
    TRY(TakeRestored(batch));
    if (is_last) break;
  }
  for (const auto& [partition, hosted] : shards_) {
    if (failed_ || hosted->phase() != HostedShard::Phase::kRestored) continue;
    const bool is_early = schemas_->nodes_in_all() == 0 || WallClockUs() - started_us_ < kIntroductionUs;
    if (hosted->is_new() && is_early && !schemas_->all_introduced()) continue;
    TRY(FinishRestore(hosted.get()));
  }
  return {};
}

Status Worker::AskForRestore() {
  std::vector<KafkaPartition> inputs;
  std::vector<KafkaPartition> changelogs;
  std::vector<Hosted*> asking;
  for (const auto& [partition, hosted] : shards_) {
    if (hosted->phase() != HostedShard::Phase::kAsking) continue;
    asking.push_back(hosted.get());
    inputs.push_back(Mutations(hosted->number()));
    changelogs.push_back(Changelog(hosted->number()));
  }
  if (asking.empty() || failed_) return {};
  const auto committed = consumer_->Committed(inputs, kAskTimeoutMs);
  if (!committed.has_value()) {
    if (committed.error().code != ErrorCode::kTransient) return committed.error();
    alarms_.Set("restore", fmt::format("where the group stands is not known yet: {}", committed.error().message));
    return {};
  }
  const auto ends = admin_->LogEnds(changelogs, kAskTimeoutMs);
  if (!ends.has_value()) {
    if (ends.error().code != ErrorCode::kTransient) return ends.error();
    alarms_.Set("restore", ends.error().message);
    return {};
  }
  alarms_.Set("restore", "");
  std::vector<KafkaOffset> from;
  for (Hosted* hosted : asking) {
    const auto is_its = [&](const KafkaOffset& each) {
      return each.partition == static_cast<int32_t>(hosted->number());
    };
    const auto input = std::ranges::find_if(*committed, is_its);
    const auto end = std::ranges::find_if(*ends, is_its);
    if (input == committed->end() || end == ends->end()) continue;
    hosted->BeginRestore(input->offset, end->offset, WallClockUs());
    const KafkaPartition changelog = Changelog(hosted->number());
    from.push_back({changelog.topic, changelog.partition, hosted->changelog_from()});
  }
  return restorer_->Add(from);
}

Status Worker::TakeRestored(const KafkaBatch& batch) {
  for (const KafkaRecord& record : batch.records) {
    Hosted* hosted = Find(record.partition);
    if (hosted != nullptr && hosted->phase() == HostedShard::Phase::kRestoring) TRY(hosted->Restore(record));
  }
  for (const KafkaEvent& event : batch.events) {
    switch (event.kind) {
      case KafkaEvent::Kind::kEnd: {
        Hosted* hosted = Find(event.partitions.front().partition);
        if (hosted == nullptr || hosted->phase() != HostedShard::Phase::kRestoring) break;
        TRY(hosted->RestoredTo(event.offset));
        if (hosted->phase() == HostedShard::Phase::kRestored) TRY(restorer_->Remove({Changelog(hosted->number())}));
        break;
      }
      case KafkaEvent::Kind::kOutOfRange: {
        // The copy on disk is older than what the changelog still tells of, or the topic was made anew.
        Hosted* hosted = Find(event.partitions.front().partition);
        if (hosted == nullptr) break;
        Tell(true, fmt::format("shard {}: its state on disk is too old to go on from ({}); it is made anew",
                               hosted->number(), event.message));
        TRY(hosted->StartOver(files_));
        const KafkaPartition changelog = Changelog(hosted->number());
        TRY(restorer_->Seek({changelog.topic, changelog.partition, kKafkaBeginning}));
        break;
      }
      case KafkaEvent::Kind::kError:
        Tell(true, event.message);
        if (event.fatal) return JoinAnew();
        break;
      default:
        break;
    }
  }
  return {};
}

Status Worker::FinishRestore(Hosted* hosted) {
  TRY(hosted->Run(RunningOptions(), WallClockUs()));
  if (hosted->restored_bytes() > 0) {
    Tell(false,
         fmt::format("shard {} restored from {} bytes of its changelog", hosted->number(), hosted->restored_bytes()));
  }
  const KafkaPartition input = Mutations(hosted->number());
  const int64_t from = hosted->shard()->committed().input.value;
  TRY(consumer_->Seek({input.topic, input.partition, from == 0 ? kKafkaBeginning : from}));
  TRY(consumer_->Resume({input}));
  // Tables may have been altered while nobody looked.
  for (const TableSchema* table : schemas_->CapturedTables()) TRY(TellSchema(hosted, table->table_id));
  return {};
}

// All shards go back to their last commit, and find out whether that was the last.
Status Worker::ForgetAll() {
  std::vector<KafkaPartition> running;
  for (const auto& [partition, hosted] : shards_) {
    if (hosted->phase() != HostedShard::Phase::kRunning) continue;
    running.push_back(Mutations(hosted->number()));
    TRY(hosted->Forget());
  }
  return running.empty() ? Status() : consumer_->Pause(running);
}

}  // namespace braid
