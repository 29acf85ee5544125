// What is asked of a running pipeline: `braid retire` lets a node go; `braid backfill` and `braid verify`.
#include <fmt/format.h>

#include <algorithm>

#include "pipeline/run/backfill_requests.h"
#include "pipeline/run/hosts.h"
#include "pipeline/run/pipeline.h"
#include "pipeline/run/retire.h"

namespace braid {
namespace {

constexpr uint64_t kMostRequestBytes = 4096;

// Not one that is being written.
bool IsBackfillRequest(std::string_view name) {
  if (!name.starts_with(kBackfillRequestPrefix)) return false;
  name.remove_prefix(kBackfillRequestPrefix.size());
  return !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
}

Error UnknownNode(const PipelineIdentity& identity, const std::string& name) {
  std::string known;
  for (const KnownNode& node : identity.nodes) {
    if (!node.retired) known += (known.empty() ? "" : ", ") + node.name;
  }
  return NotFound(fmt::format("this pipeline follows no node named {}; it knows {}", name, known));
}

// The node that a person means: by host id, or by the label of one that is not retired.
Result<NodeIndex> FindNode(const PipelineIdentity& identity, const std::string& name) {
  std::optional<NodeIndex> found;
  for (uint16_t i = 0; i < identity.node_count(); ++i) {
    const KnownNode& node = identity.nodes[i];
    if (node.retired || (node.name != name && node.host_id != name)) continue;
    if (found.has_value()) {
      return InvalidArgument(fmt::format("several nodes are called {}: name the one by its host id ({} or {})", name,
                                         identity.nodes[found->value].host_id, node.host_id));
    }
    found = NodeIndex{i};
  }
  if (!found.has_value()) return UnknownNode(identity, name);
  return *found;
}

}  // namespace

Result<RetireOutcome> RetireNode(const std::string& state, const std::string& name) {
  FileSystem* files = PosixFileSystem();
  ASSIGN_OR_RETURN(PipelineIdentity identity, ReadIdentity(files, state));
  ASSIGN_OR_RETURN(const NodeIndex node, FindNode(identity, name));
  const auto lock = files->Lock(LockPath(state));
  if (lock.has_value()) {
    identity.nodes[node.value].retired = true;
    TRY(WriteIdentity(files, state, identity));
    return RetireOutcome::kDone;
  }
  if (lock.error().code != ErrorCode::kTransient) return lock.error();
  TRY(files->MakeDirectory(RequestsPath(state)));
  TRY(files->ReplaceFile(fmt::format("{}/retire-{}", RequestsPath(state), node.value), ""));
  return RetireOutcome::kAsked;
}

Status Pipeline::TakeRequests() {
  const auto names = files_->List(RequestsPath(config_.state));
  if (!names.has_value()) return {};
  for (uint16_t i = 0; i < identity_.node_count(); ++i) {
    const std::string request = fmt::format("retire-{}", i);
    if (std::ranges::find(*names, request) == names->end()) continue;
    TRY(Retire(NodeIndex{i}));
    TRY(files_->Remove(RequestsPath(config_.state) + "/" + request));
  }
  for (const std::string& name : *names) {
    if (!IsBackfillRequest(name)) continue;
    const std::string path = RequestsPath(config_.state) + "/" + name;
    ASSIGN_OR_RETURN(const auto file, files_->OpenForRead(path));
    ASSIGN_OR_RETURN(const std::string text, ReadAll(*file, kMostRequestBytes));
    const auto request = DecodeRequest(text);
    if (request.has_value()) {
      const BackfillTasks before = backfills_;
      TRY(TakeBackfillRequest(*request));
      // It goes when what was asked for is written down. While the disk is full it stays.
      const Status written = WriteBackfills(files_, config_.state, backfills_);
      if (!written.has_value()) {
        backfills_ = before;
        return written.error().code == ErrorCode::kNoSpace ? Status() : written;
      }
    } else {
      Tell(true, fmt::format("{}: {}; it is removed", path, request.error().message));
    }
    TRY(files_->Remove(path));
  }
  return {};
}

// What a node that is let go had logged and nobody read is a gap.
Status Pipeline::TellUnread(NodeHost* node) {
  if (node->capture == nullptr) return {};
  const NodeCapture::Stats stats = node->capture->stats();
  if (stats.reachable && stats.unread_bytes == 0) return {};
  Gap gap;
  gap.reason = GapReason::kRetired;
  gap.node = node->index;
  gap.from = gap.to = stats.position;
  gap.to.segment.value = INT64_MAX;
  gap.detail = fmt::format(
      "node {} was retired before its log was read to the end; what no other node logged must be "
      "backfilled",
      node->files.name);
  return node->feeder->OnGap(gap);
}

Status Pipeline::Retire(NodeIndex index) {
  identity_.nodes[index.value].retired = true;
  TRY(WriteIdentity(files_, config_.state, identity_));
  for (const auto& node : nodes_) {
    if (node->index == index) {
      TRY(TellUnread(node.get()));
      const std::lock_guard lock(node->mutex);
      node->capture.reset();
      node->retired = true;
    }
  }
  for (const auto& shard : shards_) {
    Message message;
    message.kind = Message::Kind::kRetired;
    message.position.node = index;
    shard->channel.Push(std::move(message));
  }
  Tell(false, fmt::format("node {} is retired: nothing more is read of it, and it holds nothing up; take it out of the "
                          "configuration",
                          identity_.nodes[index.value].name));
  return {};
}

}  // namespace braid
