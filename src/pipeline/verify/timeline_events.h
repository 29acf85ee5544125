// The events that one shard's state was told, sorted by row.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/schema.h"
#include "pipeline/spill/sorter.h"
#include "pipeline/verify/definitions.h"
#include "reconcile/state.h"

namespace braid {

struct TimelineEvents {
  uint64_t first = 1;  // the oldest record that is kept
  uint64_t count = 0;
  // Events of rows: EventKey() of the row's key in the state's order, and the Change in codec form.
  std::unique_ptr<SortedRecords> by_row;
  // Events of rows and ranges of tables without counters: EventKey() of the partition's, and an OrderNote.
  std::unique_ptr<SortedRecords> by_partition;
  // Of each table the numbers of its truncations, in order.
  std::map<TableId, std::vector<uint64_t>> truncations;

  // How many of the table's truncations came before record `n`.
  size_t TruncationsBefore(const TableId& table, uint64_t n) const;
};

// What the order of a partition's events is judged by.
struct OrderNote {
  int64_t ts_us = 0;
  int64_t emitted_us = 0;
  bool late = false;
  bool ordered = false;  // false: of a backfill or a repair, which come whenever they do
};
OrderNote ReadOrderNote(ByteView bytes);

// An event's key in a sort: that of its record in the state, and its number.
inline constexpr size_t kNumberBytes = 8;
inline ByteView StateKeyOf(ByteView event_key) {
  return event_key.substr(0, event_key.size() - kNumberBytes);
}
// The table that a state key is of.
inline TableId TableOfKey(ByteView state_key) {
  return TableId::FromBytes(state_key.substr(sizeof(uint32_t), 16));
}
inline uint64_t NumberOf(ByteView event_key) {
  return LoadBigEndian<uint64_t>(event_key.data() + event_key.size() - kNumberBytes);
}

struct ReadEventsOptions {
  std::string directory;  // of the timeline's partition
  uint64_t end = 1;       // of what the state was told
  uint64_t memory_bytes = 0;
  std::string scratch;
  // Called now and then with the part that is done. An error ends the reading and comes out of it.
  std::function<Status(double done)> step;
};

// Reads all that is kept before `end`. Notes the definitions that it comes upon. Errors: kTransient if the records are
// not published: a pipeline that was killed publishes them at its next start; the reader's and the sorter's.
Result<TimelineEvents> ReadEvents(const ReadEventsOptions& options, Definitions* definitions);

}  // namespace braid
