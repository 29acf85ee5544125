// The one unit of durability of a shard. Everything in it becomes true at once, or nothing does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/position.h"
#include "model/schema.h"
#include "model/time.h"

namespace braid {

// A state record's new value. Keys and values are opaque here: reconcile/ lays them out (docs/formats/state.md).
struct StateWrite {
  std::string key;
  std::string value;
  bool erased = false;  // the record is to vanish; `value` is empty
};

// A moment at which a row must be looked at again, because a part of it expires or may be purged.
struct Timer {
  UnixSeconds due;
  std::string key;  // of the row's state record
  bool cancelled = false;
};

// How far one node's log has been taken in: everything up to and including `position`.
struct SourcePosition {
  Position position;
};

struct Commit {
  uint32_t shard = 0;
  uint64_t number = 0;  // rises by one with each Commit of a shard
  std::vector<SourcePosition> positions;
  // Definitions first used by this Commit, in codec form; before the changes that name them.
  std::vector<TableSchemaPtr> schemas;
  std::vector<StateWrite> state;
  std::vector<Timer> timers;
  // Changes in sequence order, each in codec form; first_sequence is that of the first.
  Sequence first_sequence;
  std::vector<std::string> changes;
};

}  // namespace braid
