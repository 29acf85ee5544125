// How a worker makes what its shards did durable, all at once.
#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "base/failpoint.h"
#include "pipeline/feed/wall_clock.h"
#include "pipeline/kafka/clients.h"
#include "pipeline/worker/memory_shares.h"
#include "pipeline/worker/worker.h"
#include "reconcile/rocksdb/changelog.h"

namespace braid {
namespace {

// Where only positions have moved, nobody waits.
constexpr int64_t kCommitPositionsUs = 1'000'000;
constexpr int kTransactionTimeoutMs = 30'000;
constexpr int kStepTimeoutMs = 20'000;
constexpr int kInitTimeoutMs = 5'000;
constexpr int kRoomPollMs = 20;
constexpr auto kFullDiskPause = std::chrono::milliseconds(500);

}  // namespace

Status Worker::Tick() {
  for (const auto& [partition, hosted] : shards_) {
    if (failed_) return {};
    if (hosted->phase() != HostedShard::Phase::kRunning) continue;
    const int64_t now_us = WallClockUs();
    hosted->topics()->SetNow(now_us);
    const Result<bool> more = hosted->shard()->Tick(now_us);
    if (!more.has_value() && !failed_) return more.error();
  }
  return {};
}

Status Worker::CommitIfDue() {
  if (failed_) return {};
  bool changes = false;
  for (const auto& [partition, hosted] : shards_) {
    changes = changes || (hosted->phase() == HostedShard::Phase::kRunning && hosted->shard()->has_changes());
  }
  const int64_t since_us = WallClockUs() - committed_us_;
  return since_us >= (changes ? kafka_.commit_interval_us : kCommitPositionsUs) ? Commit() : Status();
}

// Everything that the shards did since the last one. Where it fails, failed_ is set, and what comes back says no more
// than that there is no point in going on now.
Status Worker::Commit() {
  if (failed_) return Failed("");
  committed_us_ = WallClockUs();
  std::vector<Prepared> prepared;
  for (const auto& [partition, hosted] : shards_) {
    if (hosted->phase() != HostedShard::Phase::kRunning) continue;
    const auto mark = hosted->shard()->Prepare(committed_us_);
    if (!mark.has_value() && mark.error().code == ErrorCode::kTransient) return Failed(mark.error().message);
    if (!mark.has_value()) return mark.error();
    if (*mark != nullptr) prepared.push_back({hosted.get(), *mark});
  }
  if (prepared.empty()) return {};
  return kafka_.exactly_once ? CommitTransaction(prepared) : CommitAtLeastOnce(prepared);
}

// In the middle of what one message brings: where it fails, the rest is of no use.
Status Worker::CommitWithin() {
  TRY(Commit());
  return failed_ ? Status(Error{ErrorCode::kTransient, "a commit failed"}) : Status();
}

Status Worker::CommitTransaction(const std::vector<Prepared>& prepared) {
  std::vector<KafkaOffset> offsets;
  for (const Prepared& each : prepared) {
    const Status written = WriteState(each);
    if (!written.has_value() && written.error().code == ErrorCode::kTransient) return Failed(written.error().message);
    TRY(written);
    const KafkaPartition input = Mutations(each.hosted->number());
    // Also where nothing was read yet: only by its offsets does the broker know that the shard is still this worker's.
    offsets.push_back({input.topic, input.partition, each.mark->input.value});
  }
  Failpoint("worker.state-produced");
  const auto sent = producer_->SendOffsets(offsets, consumer_->GroupMetadata(), kStepTimeoutMs);
  if (!sent.ok()) return Failed(sent.message);
  Failpoint("worker.offsets-sent");
  const auto committed = producer_->Commit(kStepTimeoutMs);
  if (!committed.ok()) return Failed(committed.message);
  Failpoint("worker.committed");
  TRY(FinishAll(prepared));
  Failpoint("worker.finished");
  return Begin();
}

// Events first, then the state that has made them: after a crash between the two they come again, with the same ids.
Status Worker::CommitAtLeastOnce(const std::vector<Prepared>& prepared) {
  const Status events = producer_->Flush(kStepTimeoutMs);
  if (!events.has_value()) return Failed(events.error().message);
  for (const Prepared& each : prepared) {
    const Status written = WriteState(each);
    if (!written.has_value()) return Failed(written.error().message);
  }
  const Status states = producer_->Flush(kStepTimeoutMs);
  if (!states.has_value()) return Failed(states.error().message);
  return FinishAll(prepared);
}

Status Worker::FinishAll(const std::vector<Prepared>& prepared) {
  for (const Prepared& each : prepared) {
    const KafkaPartition changelog = Changelog(each.hosted->number());
    const Offset next{producer_->LastAckedOffset(changelog.topic, changelog.partition) + 1};
    const std::string what = fmt::format("disk of shard {}", each.hosted->number());
    while (true) {
      const Status finished = each.hosted->shard()->Finish(WallClockUs(), next);
      if (finished.has_value()) break;
      if (finished.error().code != ErrorCode::kNoSpace || stop_()) return finished;
      // Kafka has it: the state beside it must follow before anything else is read.
      alarms_.Set(what, fmt::format("{}; nothing is emitted until there is room, and nothing is lost: free some space",
                                    finished.error().message));
      std::this_thread::sleep_for(kFullDiskPause);
    }
    alarms_.Set(what, "");
  }
  return {};
}

Status Worker::WriteState(const Prepared& prepared) {
  class Writer : public PendingVisitor {
   public:
    Writer(Worker* worker, int32_t partition) : worker_(worker), partition_(partition) {}
    Status OnPending(ByteView key, std::optional<ByteView> value) override {
      return worker_->ProduceState(partition_, key, value);
    }

   private:
    Worker* const worker_;
    const int32_t partition_;
  };
  const uint32_t number = prepared.hosted->number();
  const auto partition = static_cast<int32_t>(number);
  Writer writer(this, partition);
  TRY(prepared.hosted->state()->VisitPending(&writer));
  return ProduceState(partition, ChangelogMarkKey(number), EncodeChangelogMark(EncodeMark(*prepared.mark)));
}

Status Worker::ProduceState(int32_t partition, std::string_view key, std::optional<std::string_view> value) {
  return ProduceWithin(kafka_.changelog_topic, partition, key, value);
}

// Waits for room in the producer's queue. kTransient: there was none in time.
Status Worker::ProduceWithin(const std::string& topic, int32_t partition, std::string_view key,
                             std::optional<std::string_view> value) {
  for (int waited_ms = 0; waited_ms < kStepTimeoutMs; waited_ms += kRoomPollMs) {
    ASSIGN_OR_RETURN(const bool taken, producer_->Produce(topic, partition, key, value));
    if (taken) return {};
    TRY(producer_->Poll(kRoomPollMs));
  }
  return Error{ErrorCode::kTransient, fmt::format("{}: the brokers have taken nothing for {} s: {}", topic,
                                                  kStepTimeoutMs / 1000, producer_->stats().last_error)};
}

Status Worker::Failed(const std::string& why) {
  if (!failed_) {
    Tell(true, fmt::format("what was under way is taken back and done again: {}", why));
    failed_ = true;
  }
  return {};
}

Status Worker::Begin() {
  if (!kafka_.exactly_once) return {};
  const auto begun = producer_->Begin();
  return begun.ok() ? Status() : Failed(begun.message);
}

// After whatever went wrong: a producer of which nothing old is under way, and shards as Kafka has them.
Status Worker::Renew() {
  TRY(ForgetAll());
  producer_.reset();
  KafkaProducer::Options options{.properties = ClientProperties(config_),
                                 .transactional_id = kafka_.exactly_once ? transactional_id_ : "",
                                 .transaction_timeout_ms = kTransactionTimeoutMs,
                                 .queue_bytes = config_.memory_bytes / kQueueShare,
                                 .log = [this](bool alarm, const std::string& message) { Tell(alarm, message); }};
  options.properties.Set("compression.type", kafka_.streams_compression);
  ASSIGN_OR_RETURN(producer_, KafkaProducer::Open(std::move(options)));
  if (kafka_.exactly_once) {
    const auto ready = producer_->Init(kInitTimeoutMs);
    // Tried again in the next round: the group is to be looked after meanwhile.
    if (!ready.ok()) {
      alarms_.Set("brokers", ready.message);
      failed_ = true;
      return {};
    }
  }
  alarms_.Set("brokers", "");
  failed_ = false;
  return Begin();
}

}  // namespace braid
