// What goes from capture to a shard, over whatever transport, and which shard it goes to.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "model/gap.h"
#include "model/position.h"
#include "model/schema.h"
#include "model/time.h"

namespace braid {

// Of kSnapshot…: a table's SSTables, and what its nodes' logs hold besides, as they are read for a backfill.
struct SnapshotNote {
  uint64_t task = 0;     // the backfill
  uint64_t attempt = 0;  // its files, as they were opened once; only the last attempt's pieces count
  bool whole = false;    // of kSnapshotPiece, kSnapshotEnd: it is all that every replica has
  bool repair = false;   // the table's history was known before
  bool compare = false;  // only to tell how the state differs from it
  bool first = true;     // of kSnapshotPiece: of its partition
  bool last = true;
  // Of kSnapshotBegin: the backfill's tokens begin here. Of kSnapshotEnd: nothing more comes up to and with this one,
  // and, if `done`, nothing at all.
  Token token;
  bool done = false;
  bool given_up = false;  // of kSnapshotEnd that is `done`: whatever has been read by then
};

// What a shard is told. The order is that in which the source logged it.
struct Message {
  enum class Kind : uint8_t {
    kTransaction,    // `bytes`: codec/mutation.h
    kProgress,       // `position` and `time`, the node's watermark: everything up to there has been sent
    kTruncation,     // of `table` by position.node: what it logged before `cut` is void; `time`: when
    kSchema,         // `table` has a new definition (or none): look at the registry
    kGap,            // `gap`; sent to every shard, so that every reader sees it
    kRetired,        // position.node is let go: nothing more comes of it
    kSnapshotBegin,  // of `table`: from now on it matters which rows are touched
    kSnapshotPiece,  // `bytes`: codec/mutation.h, one mutation; partitions by token and key
    kSnapshotEnd,    // of `table`
  };
  Kind kind = Kind::kTransaction;
  Position position;
  WriteTime time;
  std::string bytes;
  TableId table;
  Position cut;
  Gap gap;
  SnapshotNote snapshot;
  // Of a transaction that was given before: what a node logged between a table's cut and its word of it.
  bool again = false;
  int64_t taken_in_us = 0;  // the wall clock when capture gave it
  // Behind it in the transport's partition, where reading goes on; 0 of a transport that keeps nothing.
  Offset next;

  size_t size_bytes() const { return sizeof(Message) + bytes.size() + gap.detail.size(); }
};

// The shard, and so the partition of transport and timeline, that a token belongs to: by equal stretches of the ring.
uint32_t ShardOf(Token token, uint32_t shards);

}  // namespace braid
