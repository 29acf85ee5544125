// Who won, and by which rule: the judgement on each part of each write to a row.
//
// It decides nothing itself: the winner is the one of reconcile/lww/merge.h; this names the rule that made it so.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/mutation.h"
#include "model/schema.h"
#include "model/time.h"

namespace braid {

enum class Rule : uint8_t {
  kOnly,               // no other write has this cell
  kSame,               // another write says exactly the same
  kTimestamp,          // the later write time wins
  kTombstoneOrTtl,     // at one time, a tombstone or a cell with a TTL wins over one without
  kTombstone,          // at one time, a tombstone wins over a cell with a TTL
  kLaterExpiry,        // at one time, the later expiry (or deletion second) wins
  kGreaterValue,       // at one time, the greater value wins, compared as bytes
  kCounterShards,      // counters are merged: the greater clock of each leader's shard counts
  kRowDeletion,        // covered by the deletion of the row
  kColumnDeletion,     // covered by the deletion of the whole collection
  kRangeDeletion,      // covered by the deletion of a range
  kPartitionDeletion,  // covered by the deletion of the partition
};

// The rule in words, e.g. "later write time". Static lifetime.
const char* RuleText(Rule rule);

struct Judgement {
  bool wins = false;
  Rule rule = Rule::kOnly;
  WriteTime against;     // of the write or deletion that it was decided against; None for kOnly
  bool expired = false;  // it won, but its time to live has run out
};

// Everything that was written to one row: the row's updates, and the deletions around it.
struct RowEvidence {
  std::vector<const RowUpdate*> updates;  // one for each write, copies joined
  Deletion strongest_range;               // of the ranges that cover the row
  Deletion partition;
};

// The judgement on `cell` of one of the updates, at `now`.
Judgement JudgeCell(const TableSchema& schema, const RowEvidence& evidence, const Cell& cell, UnixSeconds now);

// The judgement on the row marker of one of the updates.
Judgement JudgeLiveness(const RowEvidence& evidence, const Liveness& liveness, UnixSeconds now);

}  // namespace braid
