// The channel from capture to one shard within a process: first in, first out, bounded in bytes.
//
// Any thread may push, one takes; order is kept. A push never waits: whoever pushes asks room_bytes() first and reads
// no more of its source than fits, so that it stays free to guard the source while the channel is full.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

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

  size_t size_bytes() const { return sizeof(Message) + bytes.size() + gap.detail.size(); }
};

class Channel {
 public:
  explicit Channel(uint64_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  // Adds the message, also beyond the capacity. False if the channel is closed.
  bool Push(Message message);
  // Bytes that may be pushed now.
  uint64_t room_bytes() const;
  uint64_t held_bytes() const;

  // Takes everything that is there, in order, into `to` (whose old content goes). Waits up to `timeout_us` if nothing
  // is. False once the channel is closed and empty.
  bool TakeAll(std::vector<Message>* to, int64_t timeout_us);

  // Nothing can be pushed any more; what is there can still be taken.
  void Close();

 private:
  const uint64_t capacity_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Message> messages_;
  uint64_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace braid
