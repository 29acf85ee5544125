// How a worker is a member of its group: how it joins, and what the group gives it and takes back.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "base/byte_source.h"
#include "base/failpoint.h"
#include "pipeline/feed/wall_clock.h"
#include "pipeline/kafka/clients.h"
#include "pipeline/worker/memory_shares.h"
#include "pipeline/worker/worker.h"

namespace braid {
namespace {

constexpr const char* kSessionTimeoutMs = "10000";
constexpr auto kLetGoPatience = std::chrono::seconds(12);
constexpr uint64_t kMostNameBytes = 1'000;
// Who shares a group out is done with it in a moment.
constexpr int kGroupTimeoutMs = 2'000;
constexpr int kGroupLooks = 4;
constexpr auto kGroupPause = std::chrono::milliseconds(500);

}  // namespace

void Worker::LetGo(std::unique_ptr<KafkaConsumer> consumer) {
  if (consumer == nullptr) return;
  auto gone = std::make_shared<std::promise<void>>();
  std::thread([held = std::move(consumer), gone]() mutable {
    held.reset();
    gone->set_value();
  }).detach();
  if (gone->get_future().wait_for(kLetGoPatience) == std::future_status::timeout) {
    Tell(true, "a client of Kafka does not end; it is left to itself, which loses nothing");
  }
}

Status Worker::OpenConsumers() {
  LetGo(std::move(consumer_));
  LetGo(std::move(restorer_));
  // A consumer may outlive this: see LetGo.
  const KafkaLog log = log_;
  const uint64_t queue_bytes = config_.memory_bytes / kQueueShare;
  // A worker that comes back soon, after a crash or an upgrade, finds its shards as it left them, and nobody waits for
  // the group to notice.
  KafkaProperties member = ClientProperties(config_);
  if (member.Get("group.instance.id").empty()) member.Set("group.instance.id", transactional_id_);
  ASSIGN_OR_RETURN(const std::string suffix, NameSuffix());
  member.Set("group.instance.id", fmt::format("{}{}", member.Get("group.instance.id"), suffix));
  if (member.Get("session.timeout.ms").empty()) member.Set("session.timeout.ms", kSessionTimeoutMs);
  ASSIGN_OR_RETURN(
      consumer_,
      KafkaConsumer::Open({.properties = member, .group = kafka_.group, .queue_bytes = queue_bytes, .log = log}));
  ASSIGN_OR_RETURN(restorer_, KafkaConsumer::Open({.properties = ClientProperties(config_),
                                                   .group = kafka_.group + "-restore",
                                                   .queue_bytes = queue_bytes,
                                                   .log = log}));
  return {};
}

Result<std::string> Worker::NameSuffix() const {
  auto suffix = ReadFile(NameSuffixPath(), kMostNameBytes);
  if (!suffix.has_value() && suffix.error().code == ErrorCode::kNotFound) return std::string();
  return suffix;
}

std::string Worker::NameSuffixPath() const {
  return directory_ + "/name-suffix";
}

// A worker that gives a shard back joins the group again, and only then does the group give the shard to somebody. If
// it dies between the two and is soon back under its name, the group takes it for one that was never away: nobody is
// to join again, and the shard is nobody's for as long as no member comes or goes. So a worker looks before it joins,
// and comes under a name that the group does not know where something was left lying.
Status Worker::Join() {
  ASSIGN_OR_RETURN(const std::vector<uint32_t> left, LeftLying());
  if (!left.empty()) {
    Tell(true, fmt::format("the group {} has given shard {} to nobody, though it has members: this worker joins under "
                           "a new name, so that all shards are given out anew, which takes a session",
                           kafka_.group, fmt::join(left, ", ")));
    TRY(files_->ReplaceFile(NameSuffixPath(), fmt::format("-{}", WallClockUs())));
    TRY(OpenConsumers());
  }
  return consumer_->Subscribe({kafka_.mutations_topic});
}

// Where brokers do not say, nothing: most probably nothing is.
Result<std::vector<uint32_t>> Worker::LeftLying() {
  std::vector<uint32_t> left;
  for (int look = 0; look < kGroupLooks && !stop_(); ++look) {
    if (look > 0) std::this_thread::sleep_for(kGroupPause);
    const auto group = admin_->Group(kafka_.group, kGroupTimeoutMs);
    if (!group.has_value() && group.error().code != ErrorCode::kTransient) return group.error();
    // While it is being shared out it may yet become so.
    if (!group.has_value() || group->state == KafkaGroup::State::kSharing) continue;
    if (group->state != KafkaGroup::State::kStable) break;
    for (uint32_t shard = 0; shard < config_.shards; ++shard) {
      if (!group->given.contains(Mutations(shard))) left.push_back(shard);
    }
    break;
  }
  return left;
}

// With nothing: whatever was under way is taken back, and all shards are somebody else's until the group says so.
Status Worker::JoinAnew() {
  failed_ = true;
  shards_.clear();
  TRY(OpenConsumers());
  return Join();
}

Status Worker::TakeAssigned(const std::vector<KafkaPartition>& partitions) {
  std::vector<KafkaOffset> from;
  for (const KafkaPartition& each : partitions) from.push_back({each.topic, each.partition, kKafkaBeginning});
  // Read only when its state is there.
  TRY(consumer_->Add(from, /*paused=*/true));
  TRY(files_->MakeDirectory(directory_ + "/shards"));
  for (const KafkaPartition& each : partitions) {
    HostedShard::Options options{.number = static_cast<uint32_t>(each.partition),
                                 .path = fmt::format("{}/shards/{:03}", directory_, each.partition),
                                 .memory_bytes = config_.memory_bytes / kStateShare / config_.shards};
    ASSIGN_OR_RETURN(shards_[each.partition], HostedShard::Open(files_, options, WallClockUs()));
    Tell(false, fmt::format("shard {} is this worker's", each.partition));
  }
  return {};
}

Status Worker::TakeAway(const std::vector<KafkaPartition>& partitions, bool lost) {
  if (lost) {
    // Somebody else has it already, and what is begun holds some of it.
    failed_ = true;
  } else {
    TRY(Commit());
  }
  std::vector<KafkaPartition> restoring;
  for (const KafkaPartition& each : partitions) {
    const Hosted* hosted = Find(each.partition);
    if (hosted != nullptr && hosted->phase() == HostedShard::Phase::kRestoring) {
      restoring.push_back(Changelog(hosted->number()));
    }
    shards_.erase(each.partition);
    Tell(false, fmt::format("shard {} is {}", each.partition, lost ? "lost to another worker" : "given back"));
  }
  if (!restoring.empty()) TRY(restorer_->Remove(restoring));
  Failpoint("worker.gives-back");
  return consumer_->Remove(partitions);
}

}  // namespace braid
