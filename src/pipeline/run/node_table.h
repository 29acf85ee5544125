// What a pipeline is, for ever: its shards, its epoch, and the nodes that it has ever followed, each with the index by
// which positions name it. Kept in STATE/pipeline. Layout: docs/formats/pipeline.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "model/position.h"

namespace braid {

struct KnownNode {
  std::string host_id;  // as text; empty while the node's own files do not tell it
  std::string name;     // its label
  bool retired = false;

  bool operator==(const KnownNode&) const = default;
};

struct PipelineIdentity {
  uint64_t epoch = 1;  // of the timeline
  uint32_t shards = 1;
  std::vector<KnownNode> nodes;  // by NodeIndex; never shrinks

  // How many nodes there are, as the index of the next.
  uint16_t node_count() const { return static_cast<uint16_t>(nodes.size()); }

  bool operator==(const PipelineIdentity&) const = default;

  // The node under this label and host id: the one with that host id, retired or not, which takes the label; or, if the
  // host id is not known yet, the one with that label and none; else a new one. A node of the same label and another
  // host id stays as it is: it was replaced, and holds the purge until it is retired.
  NodeIndex Register(const std::string& name, const std::string& host_id);
};

// The directories within STATE.
std::string IdentityPath(const std::string& state);
std::string LockPath(const std::string& state);
std::string SchemaLogPath(const std::string& state);
std::string ShardStatePath(const std::string& state, uint32_t shard);
std::string TimelinePath(const std::string& state, uint32_t shard);
// What was let go of a node's log and is not known to be recorded yet.
std::string LetGoPath(const std::string& state, NodeIndex node);
// Where `braid retire` leaves its word for a running pipeline: a file for each node, named by it.
std::string RequestsPath(const std::string& state);

// Errors: kNotFound (no pipeline there), kCorrupt, kUnsupported, with the path.
Result<PipelineIdentity> ReadIdentity(FileSystem* files, const std::string& state);
// Replaces the file whole.
Status WriteIdentity(FileSystem* files, const std::string& state, const PipelineIdentity& identity);

}  // namespace braid
