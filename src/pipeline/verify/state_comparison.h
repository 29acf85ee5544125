// One shard's state walked side by side with its events: both are in the order of the state's keys.
#pragma once

#include <functional>
#include <string>

#include "base/arena.h"
#include "pipeline/shard/mark.h"
#include "pipeline/verify/definitions.h"
#include "pipeline/verify/findings.h"
#include "pipeline/verify/row_chain.h"
#include "pipeline/verify/timeline_events.h"
#include "reconcile/rocksdb/state_reader.h"

namespace braid {

class StateComparison : public StateReader::Visitor {
 public:
  struct Rooms {
    const Definitions* definitions = nullptr;
    const ShardMark* mark = nullptr;
    TimelineEvents* events = nullptr;  // `by_row` is used up
    Findings* findings = nullptr;
    TimelineVerdict* verdict = nullptr;  // counted into
    // Called now and then with the part of the events that is done. An error ends the comparison and comes out of it.
    std::function<Status(double done)> step;
  };
  // All must outlive it.
  explicit StateComparison(const Rooms& rooms) : rooms_(rooms), chain_(&rooms.definitions->all(), rooms.findings) {}

  // Reads the state and compares. Errors: the state's, the sort's, kCorrupt of an event.
  Status Run(StateReader* state);

  Status OnMark(uint32_t, ByteView) override { return {}; }
  Status OnPartition(uint32_t, const PartitionRef&, const PartitionHeader*, UnixSeconds) override { return {}; }
  Status OnRow(const PartitionRef& partition, const RowRef& ref, const RowState& row) override;
  Status OnTimer(const PartitionRef&, const RowRef&, UnixSeconds) override { return {}; }

 private:
  Status NextEvent();
  // Folds the row whose first event is at hand.
  Status FoldRow();
  // Folds and judges the rows before the state's row `key`, which the state does not have; an empty one: all.
  Status FoldBefore(ByteView key);
  Status Judge(const PartitionRef& partition, const RowRef& ref, const RowState* row);

  const Rooms rooms_;
  RowChain chain_;
  bool more_ = false;   // an event is at hand
  std::string folded_;  // the state key of the row in chain_
  std::string key_;
  uint64_t taken_ = 0;
  Arena arena_;
};

}  // namespace braid
