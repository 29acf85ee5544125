#include "pipeline/explain/judge.h"

#include "reconcile/lww/merge.h"

namespace braid {
namespace {

// A deletion that covers something, and which kind it is.
struct Cover {
  Deletion deletion;
  Rule rule = Rule::kOnly;

  void Consider(const Deletion& other, Rule its_rule) {
    if (!Supersedes(other, deletion)) return;
    deletion = other;
    rule = its_rule;
  }
};

Cover RowCover(const RowEvidence& evidence) {
  Cover cover;
  cover.Consider(evidence.partition, Rule::kPartitionDeletion);
  cover.Consider(evidence.strongest_range, Rule::kRangeDeletion);
  for (const RowUpdate* update : evidence.updates) cover.Consider(update->deletion, Rule::kRowDeletion);
  return cover;
}

// Why `winner` beat `loser`, of which CompareCells says that it did.
Rule WhyBeaten(const Cell& winner, const Cell& loser) {
  if (winner.at != loser.at) return Rule::kTimestamp;
  if ((winner.kind == CellKind::kLive) != (loser.kind == CellKind::kLive)) return Rule::kTombstoneOrTtl;
  if (winner.kind != loser.kind) return Rule::kTombstone;
  if (winner.local_deletion != loser.local_deletion) return Rule::kLaterExpiry;
  return Rule::kGreaterValue;
}

Rule WhyBeaten(const Liveness& winner, const Liveness& loser) {
  if (winner.at != loser.at) return Rule::kTimestamp;
  if ((winner.ttl_s == 0) != (loser.ttl_s == 0)) return Rule::kTombstoneOrTtl;
  return Rule::kLaterExpiry;
}

bool Expired(UnixSeconds expires, UnixSeconds now) {
  return !expires.never() && now >= expires;
}

}  // namespace

const char* RuleText(Rule rule) {
  switch (rule) {
    case Rule::kOnly:
      return "nothing else was written there";
    case Rule::kSame:
      return "another write says the same";
    case Rule::kTimestamp:
      return "later write time";
    case Rule::kTombstoneOrTtl:
      return "same write time: a deletion or a TTL beats a plain value";
    case Rule::kTombstone:
      return "same write time: a deletion beats a TTL";
    case Rule::kLaterExpiry:
      return "same write time: later expiry";
    case Rule::kGreaterValue:
      return "same write time: greater value";
    case Rule::kCounterShards:
      return "counters add up: the newest count of each leader";
    case Rule::kRowDeletion:
      return "deleted with its row";
    case Rule::kColumnDeletion:
      return "deleted with its whole collection";
    case Rule::kRangeDeletion:
      return "deleted with a range of rows";
    case Rule::kPartitionDeletion:
      return "deleted with its partition";
  }
  return "unknown rule";
}

Judgement JudgeCell(const TableSchema& schema, const RowEvidence& evidence, const Cell& cell, UnixSeconds now) {
  Cover cover = RowCover(evidence);
  const Cell* best = &cell;
  const Cell* runner_up = nullptr;
  bool same_elsewhere = false;
  for (const RowUpdate* update : evidence.updates) {
    for (const ComplexDeletion& complex : update->complex_deletions) {
      if (complex.column == cell.column) cover.Consider(complex.deletion, Rule::kColumnDeletion);
    }
    for (const Cell& other : update->cells) {
      if (&other == &cell || other.column != cell.column || other.path != cell.path) continue;
      const int order = CompareCells(other, *best);
      if (order > 0) best = &other;
      if (CompareCells(other, cell) == 0) same_elsewhere = true;
      if (order < 0 && (runner_up == nullptr || CompareCells(other, *runner_up) > 0)) runner_up = &other;
    }
  }
  if (cover.deletion.Covers(cell.at)) return {false, cover.rule, cover.deletion.at, false};
  if (schema.counter && cell.kind != CellKind::kTombstone) {
    return {true, Rule::kCounterShards, WriteTime::None(), false};
  }
  if (best != &cell) return {false, WhyBeaten(*best, cell), best->at, false};
  const bool expired = cell.kind == CellKind::kExpiring && Expired(cell.local_deletion, now);
  if (runner_up != nullptr) return {true, WhyBeaten(cell, *runner_up), runner_up->at, expired};
  return {true, same_elsewhere ? Rule::kSame : Rule::kOnly, WriteTime::None(), expired};
}

Judgement JudgeLiveness(const RowEvidence& evidence, const Liveness& liveness, UnixSeconds now) {
  const Cover cover = RowCover(evidence);
  const Liveness* best = &liveness;
  const Liveness* runner_up = nullptr;
  for (const RowUpdate* update : evidence.updates) {
    const Liveness& other = update->liveness;
    if (other.none() || &other == &liveness) continue;
    const int order = CompareLiveness(other, *best);
    if (order > 0) best = &other;
    if (order < 0 && (runner_up == nullptr || CompareLiveness(other, *runner_up) > 0)) runner_up = &other;
  }
  if (cover.deletion.Covers(liveness.at)) return {false, cover.rule, cover.deletion.at, false};
  if (best != &liveness) return {false, WhyBeaten(*best, liveness), best->at, false};
  const bool expired = Expired(liveness.expires, now);
  if (runner_up != nullptr) return {true, WhyBeaten(liveness, *runner_up), runner_up->at, expired};
  return {true, Rule::kOnly, WriteTime::None(), expired};
}

}  // namespace braid
