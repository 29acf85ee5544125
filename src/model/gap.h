// What could not be captured. Never silent: a gap is written down, told to consumers, and stays open until it is
// healed.
#pragma once

#include <cstdint>
#include <string>

#include "model/position.h"
#include "model/time.h"

namespace braid {

enum class GapReason : uint8_t {
  kCorrupt = 0,        // bytes of a log cannot be read
  kLostSegment = 1,    // a segment vanished before it was read
  kOverflow = 2,       // let go so that Cassandra's writes go on (on_overflow: drop)
  kUnknownSchema = 3,  // part of a mutation whose table or column no schema file defines
  kNotLogged = 4,      // the database wrote what no log holds (nodetool import, durable_writes = false)
  kRetired = 5,        // a node was let go before its log was read to the end
};

// {node, from, to}: what this node logged between the two positions (from exclusive, to inclusive) is not known, as far
// as no other node's log has it. Owns all that it holds.
struct Gap {
  uint64_t id = 0;  // of the pipeline; a closing Gap has the id of the one that it closes
  bool open = true;
  GapReason reason = GapReason::kCorrupt;
  NodeIndex node;
  Position from;
  Position to;
  std::string table;   // "keyspace.table" if only that one is concerned; else empty
  std::string detail;  // one line for people: what, where, and what to backfill
  WriteTime seen_at;   // when it was found, by the machine's clock

  bool operator==(const Gap&) const = default;
};

}  // namespace braid
