// What a shard must find again, committed with its state in one step. Layout: docs/formats/shard-mark.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/gap.h"
#include "model/position.h"
#include "model/schema.h"
#include "model/time.h"
#include "transport/message/record.h"

namespace braid {

struct ShardMark {
  uint64_t commit = 0;        // how many commits there were
  uint64_t timeline_end = 1;  // the number of the next record

  struct Node {
    NodeIndex node;
    Position position;    // everything up to here is in the state, or held no claim to be
    WriteTime watermark;  // everything that the node logged before is
    bool retired = false;
    bool operator==(const Node&) const = default;
  };
  std::vector<Node> nodes;  // by index

  // Of a shard that is fed by a transport which lasts and whose state is mirrored in a changelog; 0 and empty of any
  // other, whose host keeps this elsewhere. Where reading of the transport's partition goes on; the epoch of its
  // sequences; who the nodes are, by index.
  Offset input;
  uint64_t epoch = 0;
  struct Host {
    HostId id{};
    std::string label;
    bool operator==(const Host&) const = default;
  };
  std::vector<Host> hosts;
  // Of the copy beside the state alone: the state is what the changelog says before this offset (0: nothing is known of
  // it), and the rest of the mark counts only if it is not being restored; when it was written.
  Offset changelog;
  bool restoring = false;
  int64_t committed_us = 0;

  // A table that was truncated: how many truncations each node has told of, and where the last one cut its log.
  struct Cut {
    uint64_t count = 0;
    Position at;
    bool operator==(const Cut&) const = default;
  };
  struct Truncated {
    uint64_t count = 0;  // truncations that were applied to the state
    std::map<NodeIndex, Cut> cuts;
    bool operator==(const Truncated&) const = default;
  };
  std::map<TableId, Truncated> truncated;

  // The definitions by which each table's rows were last walked: a newer one that drops columns asks for a walk.
  std::map<TableId, SchemaId> schemas;

  std::vector<Gap> gaps;  // open ones

  // How far a backfill has come in a table.
  struct Snapshot {
    uint64_t task = 0;  // the backfill
    bool done = false;  // there is nothing of it left to do
    std::string next;   // SnapshotCursor
    std::string known;
    bool operator==(const Snapshot&) const = default;
  };
  std::map<TableId, Snapshot> snapshots;

  bool operator==(const ShardMark&) const = default;
};

std::string EncodeMark(const ShardMark& mark);
// Of empty bytes: that of a new shard. Errors: kCorrupt, kUnsupported (version).
Result<ShardMark> DecodeMark(ByteView bytes);

}  // namespace braid
