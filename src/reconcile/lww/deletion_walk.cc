#include <algorithm>

#include "base/check.h"
#include "reconcile/lww/apply.h"
#include "reconcile/lww/merge.h"
#include "reconcile/lww/transition.h"

namespace braid {
namespace {

Deletion DeletionOf(const Mutation& write) {
  return TargetOf(write) == Target::kPartition ? write.partition_deletion : write.ranges.front().deletion;
}

bool SameRanges(std::span<const RangeDeletion> a, std::span<const RangeDeletion> b) {
  return std::ranges::equal(a, b, [](const RangeDeletion& x, const RangeDeletion& y) {
    return x.start.cut == y.start.cut && x.end.cut == y.end.cut && x.deletion == y.deletion;
  });
}

}  // namespace

DeletionWalk::DeletionWalk(const PartitionHeader& header, const Mutation& write)
    : write_(write),
      target_(TargetOf(write)),
      deletion_(DeletionOf(write)),
      emitted_before_(header.last_emitted),
      verdict_(Judge(header)) {
  CHECK(target_ == Target::kPartition || target_ == Target::kRange);
  if (verdict_ != Verdict::kSilent) {
    done_ = true;
    return;
  }
  FindPieces(header);
  EnterPiece();
}

Verdict DeletionWalk::Judge(const PartitionHeader& header) const {
  if (target_ == Target::kPartition) {
    if (Supersedes(deletion_, header.deletion)) return Verdict::kSilent;
    return deletion_ == header.deletion ? Verdict::kCopy : Verdict::kOvertaken;
  }
  const RangeDeletion& range = write_.ranges.front();
  if (!(range.start.cut < range.end.cut)) return Verdict::kCopy;
  Arena scratch(1024);
  if (Supersedes(deletion_, header.deletion) &&
      !SameRanges(RangesAbove(MergeRanges(header.ranges, range, &scratch), header.deletion, &scratch), header.ranges)) {
    return Verdict::kSilent;
  }
  return OuterDeletion(header, range.start.cut) == deletion_ ? Verdict::kCopy : Verdict::kOvertaken;
}

void DeletionWalk::FindPieces(const PartitionHeader& header) {
  const bool whole = target_ == Target::kPartition;
  Piece rest;
  if (!whole) {
    rest.from = write_.ranges.front().start.cut;
    rest.to = write_.ranges.front().end.cut;
  }
  rest.unbounded = whole;
  std::string known_to = rest.from;  // up to here every row is covered by some deletion
  const auto is_before_end = [&](ByteView cut) { return whole || cut < rest.to; };
  for (const RangeDeletion& range : header.ranges) {
    if (range.end.cut <= rest.from && range.end.cut <= known_to) continue;
    if (!is_before_end(range.start.cut)) break;
    if (range.start.cut <= known_to) known_to = std::max<std::string>(known_to, std::string(range.end.cut));
    if (Supersedes(deletion_, range.deletion)) continue;
    if (rest.from < range.start.cut) pieces_.push_back({rest.from, std::string(range.start.cut), false});
    rest.from = std::max<std::string>(rest.from, std::string(range.end.cut));
  }
  if (is_before_end(rest.from)) pieces_.push_back(rest);
  unknown_rows_ = !header.complete && is_before_end(known_to);
}

void DeletionWalk::EnterPiece() {
  // A deletion that has no piece still takes one chunk, without rows, to enter the header.
  static const Piece none;
  const Piece& piece = piece_ < pieces_.size() ? pieces_[piece_] : none;
  range_ = {piece.from, piece.to, piece.unbounded};
}

Result<RowOutcome> DeletionWalk::ApplyTo(const RowRef& ref, const RowState& row, UnixSeconds now,
                                         PartitionHeader* header, Arena* arena) const {
  internal::Transition transition;
  transition.schema = write_.schema;
  transition.token = write_.token;
  transition.partition_key = write_.partition_key;
  transition.ref = ref;
  transition.before = &row;
  transition.now_before = transition.now_after = std::max(now, row.expired_through);
  transition.order_time = deletion_.at;

  MergeTrace trace;
  trace.now = transition.now_before;
  ASSIGN_OR_RETURN(const RowContent rest,
                   MergeContents(*write_.schema, deletion_, ContentOf(row), RowContent{}, arena, &trace));
  RowOutcome outcome;
  outcome.verdict = Verdict::kCopy;
  if (row.complete && SameContent(rest, ContentOf(row))) return outcome;
  RowState& after = outcome.state;
  after = WithContent(row, rest);
  after.complete = true;
  after.unknown = {};
  if (trace.ends_live || !row.complete) {
    internal::Tell(transition, header, &outcome, arena);
  } else {
    after.expired_through = internal::ExpiredThrough(after, transition.now_after);
    outcome.due_before = NextExpiry(row);
    outcome.due_after = NextExpiry(after);
    outcome.verdict = Verdict::kSilent;
  }
  outcome.forget = rest.empty() && after.revision == 0;
  if (outcome.verdict != Verdict::kChange) return outcome;
  after.last_emitted = std::max(row.last_emitted, deletion_.at);
  Change& change = outcome.change;
  change.cause = target_ == Target::kPartition ? Cause::kPartitionDelete : Cause::kRangeDelete;
  change.ts = deletion_.at;
  change.origin = write_.position;
  // A write of the row at the same time, told already, makes this its later fragment.
  const bool is_fragment = !write_.schema->counter && row.revision > 0 && row.last_emitted == deletion_.at;
  change.late = is_fragment || deletion_.at < emitted_before_;
  return outcome;
}

void DeletionWalk::EndChunk(std::optional<ByteView> last_key, PartitionHeader* header, Arena* arena) {
  CHECK(!done_);
  header->clock = std::max(header->clock, deletion_.at);
  if (last_key.has_value()) {
    // The least key after `last_key`.
    cursor_ = *last_key;
    cursor_ += '\0';
    RangeDeletion so_far;
    so_far.start.cut = arena->Copy(range_.from);
    so_far.end.cut = arena->Copy(cursor_);
    so_far.deletion = deletion_;
    header->ranges = MergeRanges(header->ranges, so_far, arena);
    range_.from = cursor_;
    return;
  }
  if (++piece_ < pieces_.size()) {
    EnterPiece();
    return;
  }
  done_ = true;
  if (target_ == Target::kRange) {
    header->ranges = MergeRanges(header->ranges, write_.ranges.front(), arena);
    return;
  }
  header->deletion = deletion_;
  header->ranges = RangesAbove(header->ranges, deletion_, arena);
  header->complete = true;
}

std::optional<Change> DeletionWalk::RangeChange(PartitionHeader* header) const {
  CHECK(done_);
  if (!unknown_rows_) return std::nullopt;
  header->last_emitted = std::max(header->last_emitted, deletion_.at);
  Change change;
  change.schema = write_.schema;
  change.token = write_.token;
  change.partition_key = write_.partition_key;
  change.row = RowKind::kRange;
  if (target_ == Target::kRange) {
    change.range_start = write_.ranges.front().start;
    change.range_end = write_.ranges.front().end;
  } else {
    change.range_start.inclusive = change.range_end.inclusive = true;
  }
  change.op = Op::kDelete;
  change.cause = target_ == Target::kPartition ? Cause::kPartitionDelete : Cause::kRangeDelete;
  change.ts = deletion_.at;
  change.origin = write_.position;
  change.complete = false;
  change.late = deletion_.at < emitted_before_;
  return change;
}

}  // namespace braid
