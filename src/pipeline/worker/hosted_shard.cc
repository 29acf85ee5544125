#include "pipeline/worker/hosted_shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace braid {
namespace {

// What restoring keeps in memory before it is written: of the shard's own share, a part of which it fills three times
// over, but no more than it takes to write it well in order.
constexpr uint64_t kRestoreShare = 8;
constexpr uint64_t kMostRestoreBytes = uint64_t{8} << 20;

Result<std::unique_ptr<RocksState>> OpenState(const HostedShard::Options& options) {
  return RocksState::Open({.path = options.path,
                           .shard = options.number,
                           .memory_bytes = options.memory_bytes,
                           .sync = false,
                           .write_ahead_log = false});
}

// The store's directory has no directories.
Status Clear(FileSystem* files, const std::string& path) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(path));
  for (const std::string& name : names) TRY(files->Remove(fmt::format("{}/{}", path, name)));
  return {};
}

Result<ShardMark> MarkOf(RocksState* state, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, state->ReadMark());
  auto mark = DecodeMark(bytes);
  if (!mark.has_value()) return mark.error().At(path);
  return mark;
}

}  // namespace

Result<std::unique_ptr<HostedShard>> HostedShard::Open(FileSystem* files, const Options& options, int64_t now_us) {
  TRY(files->MakeDirectory(options.path));
  ASSIGN_OR_RETURN(auto state, OpenState(options));
  ASSIGN_OR_RETURN(ShardMark mark, MarkOf(state.get(), options.path));
  if (mark.committed_us > 0 && now_us - mark.committed_us > options.forget_after_us) {
    state.reset();
    TRY(Clear(files, options.path));
    ASSIGN_OR_RETURN(state, OpenState(options));
    mark = {};
  }
  return std::unique_ptr<HostedShard>(new HostedShard(options, std::move(state), std::move(mark)));
}

int64_t HostedShard::changelog_from() const {
  return mark_.changelog.value == 0 ? kKafkaBeginning : mark_.changelog.value;
}

void HostedShard::BeginRestore(int64_t input, int64_t end, int64_t now_us) {
  restoring_since_us_ = now_us;
  phase_ = Phase::kRestoring;
  group_input_ = input;
  changelog_end_ = end;
  changelog_at_ = mark_.changelog.value;
}

Status HostedShard::Restore(const KafkaRecord& record) {
  if (!record.key.has_value()) {
    return Corrupt(
        fmt::format("{} partition {} offset {}: a record without a key, which no worker wrote: has something "
                    "else written to this topic?",
                    record.topic, record.partition, record.offset));
  }
  changelog_at_ = record.offset + 1;
  restored_bytes_ += record.key->size() + record.value.value_or("").size();
  if (*record.key == mark_key_) {
    ASSIGN_OR_RETURN(const ByteView bytes, DecodeChangelogMark(record.value.value_or("")));
    auto mark = DecodeMark(bytes);
    if (!mark.has_value()) return mark.error().At(std::string(record.topic));
    mark_ = *std::move(mark);
  } else {
    const auto value = record.value.has_value() ? std::optional<ByteView>(*record.value) : std::nullopt;
    TRY(state_->Restore(*record.key, value));
  }
  const uint64_t most = std::min(kMostRestoreBytes, options_.memory_bytes / kRestoreShare);
  return state_->pending_bytes() < most ? Status() : CommitRestored();
}

Status HostedShard::StartOver(FileSystem* files) {
  state_.reset();
  TRY(Clear(files, options_.path));
  ASSIGN_OR_RETURN(state_, OpenState(options_));
  mark_ = {};
  changelog_at_ = 0;
  restored_bytes_ = 0;
  return {};
}

Status HostedShard::CommitRestored() {
  ShardMark mark = mark_;
  mark.changelog.value = changelog_at_;
  mark.restoring = true;
  // What is half restored is as old as what it was made of.
  mark.committed_us = restoring_since_us_;
  return state_->Commit(EncodeMark(mark));
}

Status HostedShard::RestoredTo(int64_t at) {
  changelog_at_ = std::max(changelog_at_, at);
  if (at < changelog_end_) return {};
  if (group_input_ != kKafkaNone && mark_.input.value < group_input_) {
    return Corrupt(fmt::format(
        "shard {}: the group has committed offset {} of its mutations, but the changelog knows only what comes before "
        "{}: a part of it is gone. Was the changelog topic deleted, or its cleanup.policy changed? Begin anew with "
        "other topics, or another group",
        options_.number, group_input_, mark_.input.value));
  }
  phase_ = Phase::kRestored;
  return {};
}

Status HostedShard::Run(const Running& running, int64_t now_us) {
  mark_.changelog.value = changelog_at_;
  mark_.restoring = false;
  mark_.committed_us = now_us;
  if (mark_.epoch == 0) mark_.epoch = static_cast<uint64_t>(now_us);
  TRY(state_->Commit(EncodeMark(mark_)));
  TopicWriter::Options topics = running.topics;
  topics.shard = options_.number;
  topics.epoch = mark_.epoch;
  topics.end = mark_.timeline_end;
  topics_ = std::make_unique<TopicWriter>(topics, running.producer, running.stream_topics);
  shard_ = std::make_unique<Shard>(running.shard, Shard::Rooms{state_.get(), topics_.get(), running.schemas}, mark_);
  TellNodes();
  phase_ = Phase::kRunning;
  return {};
}

Status HostedShard::Forget() {
  shard_.reset();
  topics_.reset();
  phase_ = Phase::kAsking;
  restored_bytes_ = 0;
  TRY(state_->Rollback());
  ASSIGN_OR_RETURN(mark_, MarkOf(state_.get(), options_.path));
  return {};
}

NodeIndex HostedShard::IndexOf(const HostId& host, std::string_view label) {
  const NodeIndex index = shard_->IndexOf(host, label);
  if (index.value >= told_hosts_ || !label.empty()) TellNodes();
  return index;
}

void HostedShard::TellNodes() {
  std::vector<std::string> labels;
  for (const ShardMark::Host& host : shard_->hosts()) {
    TableId id;
    id.bytes = host.id;
    labels.push_back(host.label.empty() ? id.ToString() : host.label);
  }
  told_hosts_ = labels.size();
  topics_->SetNodes(std::move(labels));
}

}  // namespace braid
