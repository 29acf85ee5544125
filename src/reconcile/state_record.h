// The records of state: what a row, a partition and a timer are as keys and values, in RocksDB, in Commits and in
// changelogs. Layout: docs/formats/state.md.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "model/commit.h"
#include "reconcile/state.h"

namespace braid {

enum class RecordKind : uint8_t {
  kHeader = 0,
  kStaticRow = 1,
  kRow = 2,
  kDue = 3,  // a timer within its partition; only in stores
};

// Appends what the keys of all records of a partition begin with.
void AppendPartitionPrefix(std::string* to, uint32_t shard, const PartitionRef& partition);
void AppendHeaderKey(std::string* to, uint32_t shard, const PartitionRef& partition);
void AppendRowKey(std::string* to, uint32_t shard, const PartitionRef& partition, const RowRef& row);
// The part of a row's key after the partition's prefix: the kind and the row's key. And back: kCorrupt if it is none.
void AppendRowPart(std::string* to, const RowRef& row);
Result<RowRef> ReadRowPart(ByteView part);

// A record's key, taken apart. Views point into the key and into `arena`.
struct RecordKey {
  uint32_t shard = 0;
  PartitionRef partition;
  RecordKind kind = RecordKind::kHeader;
  ByteView rest;  // the row's key; of kDue the second and the row's part
};
Result<RecordKey> ReadRecordKey(ByteView key, Arena* arena);

// A second as 8 bytes that sort as it does, and back (exactly 8 bytes).
void AppendDue(std::string* to, UnixSeconds due);
UnixSeconds ReadDue(ByteView bytes);

// Appends what `delta` does to the records and timers of a commit of `commit->shard`.
void AppendDelta(const StateDelta& delta, Commit* commit);

// Puts a record (not kDue) into an empty or partly filled state; a row's timer comes from its content. Rows must come
// only once. Errors: kCorrupt, kUnsupported (version), and the state's.
Status RestoreRecord(ByteView key, ByteView value, State* state);

}  // namespace braid
