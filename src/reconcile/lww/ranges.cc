#include <algorithm>
#include <vector>

#include "base/check.h"
#include "reconcile/lww/merge.h"

namespace braid {
namespace {

// Collects pieces from left to right; joins neighbours with equal deletions.
class Pieces {
 public:
  Pieces(size_t most, Arena* arena) : out_(arena->NewArray<RangeDeletion>(most)) {}

  void Add(const Bound& start, const Bound& end, const Deletion& deletion) {
    if (!(start.cut < end.cut) || deletion.live()) return;
    if (n_ > 0 && out_[n_ - 1].end.cut == start.cut && out_[n_ - 1].deletion == deletion) {
      out_[n_ - 1].end = end;
      return;
    }
    CHECK(n_ < out_.size());
    out_[n_++] = {start, end, deletion};
  }
  void Add(const RangeDeletion& range) { Add(range.start, range.end, range.deletion); }

  std::span<const RangeDeletion> done() const { return out_.first(n_); }

 private:
  std::span<RangeDeletion> out_;
  size_t n_ = 0;
};

const Bound& Later(const Bound& a, const Bound& b) {
  return b.cut > a.cut ? b : a;
}
const Bound& Earlier(const Bound& a, const Bound& b) {
  return b.cut < a.cut ? b : a;
}

}  // namespace

Deletion DeletionAt(std::span<const RangeDeletion> ranges, ByteView key) {
  const auto after =
      std::ranges::upper_bound(ranges, key, {}, [](const RangeDeletion& range) { return range.start.cut; });
  if (after == ranges.begin()) return {};
  const RangeDeletion& range = *(after - 1);
  return key < range.end.cut ? range.deletion : Deletion{};
}

Deletion OuterDeletion(const PartitionHeader& header, ByteView key) {
  if (header.ranges.empty()) return header.deletion;
  return Stronger(header.deletion, DeletionAt(header.ranges, key));
}

std::span<const RangeDeletion> MergeRanges(std::span<const RangeDeletion> ranges, const RangeDeletion& added,
                                           Arena* arena) {
  // What is added shows in at most one gap more than there are ranges, and its two ends cut at most two of them.
  Pieces pieces(2 * ranges.size() + 3, arena);
  // What of `added` is not placed yet begins here.
  Bound from = added.start;
  for (const RangeDeletion& range : ranges) {
    if (range.end.cut <= added.start.cut) {
      pieces.Add(range);
      continue;
    }
    if (added.end.cut <= range.start.cut) {
      pieces.Add(from, added.end, added.deletion);
      from = added.end;
      pieces.Add(range);
      continue;
    }
    pieces.Add(from, Earlier(range.start, added.end), added.deletion);
    pieces.Add(range.start, Earlier(range.end, added.start), range.deletion);
    pieces.Add(Later(range.start, added.start), Earlier(range.end, added.end),
               Stronger(range.deletion, added.deletion));
    pieces.Add(Later(range.start, added.end), range.end, range.deletion);
    from = Later(from, Earlier(range.end, added.end));
  }
  pieces.Add(from, added.end, added.deletion);
  return pieces.done();
}

std::span<const RangeDeletion> RangesAbove(std::span<const RangeDeletion> ranges, const Deletion& partition,
                                           Arena* arena) {
  const auto above = [&](const RangeDeletion& range) { return Supersedes(range.deletion, partition); };
  if (std::ranges::all_of(ranges, above)) return ranges;
  Pieces pieces(ranges.size(), arena);
  for (const RangeDeletion& range : ranges) {
    if (above(range)) pieces.Add(range);
  }
  return pieces.done();
}

}  // namespace braid
