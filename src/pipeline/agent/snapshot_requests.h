// Within pipeline/agent: what workers want of tables' past, by what the topic of requests says.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "transport/message/snapshot_record.h"

namespace braid {

// For one thread.
class SnapshotRequests {
 public:
  explicit SnapshotRequests(uint32_t shards) : shards_(shards) {}

  // The topic's next record; no `value` is a tombstone. Errors, of a request that nobody can answer (it is passed over,
  // and what its shard wanted before is not wanted any more): kCorrupt, kUnsupported; kInvalidArgument, there is no
  // such shard.
  Status Take(std::string_view key, std::optional<std::string_view> value);

  // The topic is read again from its beginning.
  void Clear();

  // The next one in the order of arrival that is wanted; none if there is none. Each once.
  std::optional<SnapshotRequest> Next();

  // Whether its shard has neither withdrawn it nor asked anew.
  bool Wants(const SnapshotRequest& request) const;

 private:
  Result<SnapshotRequest> Decode(std::string_view key, std::string_view value) const;

  const uint32_t shards_;
  std::map<std::string, SnapshotRequest, std::less<>> wanted_;  // by key
  std::deque<SnapshotRequest> waiting_;                         // at most one of each shard
};

}  // namespace braid
