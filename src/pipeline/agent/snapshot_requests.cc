#include "pipeline/agent/snapshot_requests.h"

#include <fmt/format.h>

#include "pipeline/kafka/clients.h"

namespace braid {

Result<SnapshotRequest> SnapshotRequests::Decode(std::string_view key, std::string_view value) const {
  ASSIGN_OR_RETURN(const SnapshotRequest request, DecodeSnapshotRequest(value));
  if (request.shard < shards_ && SnapshotRequestKey(request.shard) == key) return request;
  return InvalidArgument(
      fmt::format("a request of shard {} with the key '{}', and there are {} shards", request.shard, key, shards_));
}

Status SnapshotRequests::Take(std::string_view key, std::optional<std::string_view> value) {
  Status taken;
  std::optional<SnapshotRequest> request;
  if (value.has_value()) {
    const auto decoded = Decode(key, *value);
    if (decoded.has_value()) request = *decoded;
    if (!decoded.has_value()) taken = decoded.error();
  }
  const auto before = wanted_.find(key);
  if (before != wanted_.end()) {
    // A record that comes twice is one request.
    if (before->second == request) return {};
    std::erase(waiting_, before->second);
    wanted_.erase(before);
  }
  if (request.has_value()) {
    wanted_.emplace(key, *request);
    waiting_.push_back(*request);
  }
  return taken;
}

void SnapshotRequests::Clear() {
  wanted_.clear();
  waiting_.clear();
}

std::optional<SnapshotRequest> SnapshotRequests::Next() {
  if (waiting_.empty()) return std::nullopt;
  const SnapshotRequest next = waiting_.front();
  waiting_.pop_front();
  return next;
}

bool SnapshotRequests::Wants(const SnapshotRequest& request) const {
  const auto found = wanted_.find(SnapshotRequestKey(request.shard));
  return found != wanted_.end() && found->second == request;
}

}  // namespace braid
