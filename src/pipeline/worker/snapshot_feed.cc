#include "pipeline/worker/snapshot_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "codec/mutation.h"
#include "pipeline/feed/wall_clock.h"
#include "pipeline/kafka/clients.h"
#include "pipeline/merge/merge.h"

namespace braid {
namespace {

constexpr int kAskTimeoutMs = 2'000;
constexpr auto kPause = std::chrono::milliseconds(100);
// Merged and not taken yet.
constexpr uint64_t kQueueBytes = uint64_t{1} << 20;
// Fetched ahead, of the configured memory, by all sources together; and of one at least.
constexpr uint64_t kFetchShare = 16;
constexpr uint64_t kLeastFetchBytes = uint64_t{256} << 10;

Error Stopped() {
  return {ErrorCode::kTransient, "it was stopped"};
}

}  // namespace

void SnapshotFeed::Start(Job job) {
  Stop();
  job_ = std::move(job);
  stop_ = false;
  {
    const std::lock_guard lock(mutex_);
    progress_ = {.problem = {}, .waiting = {}, .since_us = WallClockUs()};
    queue_.clear();
    queue_bytes_ = 0;
  }
  thread_ = std::thread([this] { Run(); });
}

void SnapshotFeed::Stop() {
  {
    // Under the lock: else the thread may look, find nothing, and sleep through what it is told.
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  room_.notify_all();
  if (thread_.joinable()) thread_.join();
}

SnapshotFeed::Progress SnapshotFeed::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

bool SnapshotFeed::has_any() const {
  const std::lock_guard lock(mutex_);
  return !queue_.empty();
}

bool SnapshotFeed::Take(Message* message) {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) return false;
  *message = std::move(queue_.front());
  queue_.pop_front();
  queue_bytes_ -= message->size_bytes();
  room_.notify_all();
  return true;
}

void SnapshotFeed::Run() {
  const Status fed = Feed();
  const std::lock_guard lock(mutex_);
  progress_.ended = true;
  if (!fed.has_value()) progress_.problem = fed.error().message;
}

KafkaPartition SnapshotFeed::PartitionOf(const Node& node) const {
  return {SnapshotTopic(*config_, node.host).name, static_cast<int32_t>(job_.shard)};
}

// Where each node's topic ends now: what an agent answers is behind that.
Result<std::vector<KafkaOffset>> SnapshotFeed::FindEnds(KafkaAdmin* admin) {
  std::vector<KafkaOffset> ends;
  for (const Node& node : job_.nodes) {
    while (true) {
      if (stop_) return Stopped();
      const auto end = admin->LogEnds({PartitionOf(node)}, kAskTimeoutMs);
      if (end.has_value() && !end->empty()) {
        ends.push_back(end->front());
        break;
      }
      if (!end.has_value() && end.error().code != ErrorCode::kNotFound && end.error().code != ErrorCode::kTransient) {
        return end.error();
      }
      // Its agent has not made it yet.
      {
        const std::lock_guard lock(mutex_);
        progress_.waiting = node.label;
      }
      std::this_thread::sleep_for(kPause);
    }
  }
  const std::lock_guard lock(mutex_);
  progress_.waiting.clear();
  return ends;
}

SnapshotSource::Options SnapshotFeed::SourceOptions(const Node& node, const KafkaOffset& from) {
  const uint64_t fetch_bytes = config_->memory_bytes / kFetchShare / job_.nodes.size();
  SnapshotSource::Options options;
  options.consumer.properties = ClientProperties(*config_);
  options.consumer.group = config_->kafka->group + "-snapshots";
  options.consumer.queue_bytes = std::max(kLeastFetchBytes, fetch_bytes);
  options.from = from;
  options.attempt = job_.note.attempt;
  options.node = node.label;
  options.schema = job_.schema;
  options.schemas = job_.schemas;
  options.stop = [this] { return stop_.load(); };
  options.waiting = [this](const std::string& label) {
    const std::lock_guard lock(mutex_);
    progress_.waiting = label;
  };
  options.lacks = [this] { whole_ = false; };
  return options;
}

Status SnapshotFeed::Feed() {
  whole_ = true;
  ASSIGN_OR_RETURN(const auto admin, KafkaAdmin::Open({.properties = ClientProperties(*config_), .log = {}}));
  ASSIGN_OR_RETURN(const std::vector<KafkaOffset> ends, FindEnds(admin.get()));
  std::vector<std::unique_ptr<PieceSource>> sources;
  for (size_t i = 0; i < job_.nodes.size(); ++i) {
    ASSIGN_OR_RETURN(auto source, SnapshotSource::Open(SourceOptions(job_.nodes[i], ends[i])));
    sources.push_back(std::move(source));
  }
  {
    const std::lock_guard lock(mutex_);
    progress_.ready = true;
  }
  ASSIGN_OR_RETURN(const auto merge,
                   TableMerge::Open(std::move(sources), TableSchemaPtr(std::shared_ptr<void>(), job_.schema)));
  TRY(GivePieces(merge.get()));
  Message end = MakeMessage(Message::Kind::kSnapshotEnd);
  end.snapshot.whole = end.snapshot.done = true;
  end.snapshot.token = job_.through;
  TRY(Push(std::move(end)));
  DeleteWhatWasRead(admin.get());
  return {};
}

// Nobody reads it again. What cannot be deleted now goes by the topic's retention: that is worth no wait.
void SnapshotFeed::DeleteWhatWasRead(KafkaAdmin* admin) {
  std::vector<KafkaPartition> partitions;
  for (const Node& node : job_.nodes) partitions.push_back(PartitionOf(node));
  const auto ends = admin->LogEnds(partitions, kAskTimeoutMs);
  if (ends.has_value()) (void)admin->DeleteRecords(*ends, kAskTimeoutMs).has_value();
}

Status SnapshotFeed::GivePieces(TableMerge* merge) {
  while (true) {
    ASSIGN_OR_RETURN(const SstablePiece* piece, merge->Next());
    if (piece == nullptr) return {};
    Message message = MakeMessage(Message::Kind::kSnapshotPiece);
    message.snapshot.whole = whole_;
    message.snapshot.first = piece->first;
    message.snapshot.last = piece->last;
    AppendTransaction(&message.bytes, {.position = {}, .mutations = {&piece->mutation, 1}});
    {
      const std::lock_guard lock(mutex_);
      progress_.read_bytes = merge->position();
    }
    TRY(Push(std::move(message)));
  }
}

Status SnapshotFeed::Push(Message message) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return stop_ || queue_bytes_ < kQueueBytes; });
  if (stop_) return Stopped();
  queue_bytes_ += message.size_bytes();
  queue_.push_back(std::move(message));
  return {};
}

Message SnapshotFeed::MakeMessage(Message::Kind kind) const {
  Message message;
  message.kind = kind;
  message.table = job_.schema->table_id;
  message.snapshot = job_.note;
  return message;
}

}  // namespace braid
