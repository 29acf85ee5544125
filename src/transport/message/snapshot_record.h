// What workers and agents say to one another to read a table's past. Layouts: docs/formats/snapshot-record.md.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "model/position.h"
#include "model/schema.h"

namespace braid {

// A worker's: a shard needs what every node has of a table, as it has it from now on.
struct SnapshotRequest {
  uint32_t shard = 0;    // the answers are for this partition
  uint64_t attempt = 0;  // of the shard: never used twice
  TableId table;
  // Of tokens behind `after` up to and with `through`; the least token as `after` leaves none out.
  Token after;
  Token through;

  bool operator==(const SnapshotRequest&) const = default;
};

std::string EncodeSnapshotRequest(const SnapshotRequest& request);
// Errors: kCorrupt, kUnsupported (version).
Result<SnapshotRequest> DecodeSnapshotRequest(ByteView bytes);

// An agent's, of one node: pieces in the order of SstablePiece, then an end.
struct SnapshotRecord {
  enum class Kind : uint8_t { kPiece, kEnd };
  Kind kind = Kind::kPiece;
  uint64_t attempt = 0;  // the request's
  // Of kPiece: of its partition the first and the last piece; whether nothing that came before lacked anything.
  bool first = true;
  bool last = true;
  bool whole = true;
  ByteView bytes;  // of kPiece: codec/mutation.h, a transaction of one mutation. A view of what was decoded
  // Of kEnd: why what came is not all that the node has, a line for people; empty if it is.
  std::string missing;
};

// Appends the record.
void AppendSnapshotRecord(std::string* to, const SnapshotRecord& record);
// Errors: kCorrupt, kUnsupported (version or kind).
Result<SnapshotRecord> DecodeSnapshotRecord(ByteView bytes);

}  // namespace braid
