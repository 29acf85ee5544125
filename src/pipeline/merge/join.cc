#include "pipeline/merge/join.h"

#include <algorithm>
#include <utility>

#include "reconcile/lww/merge.h"

namespace braid::internal {
namespace {

// How many rows both lists begin with that say the same.
size_t SameRows(std::span<const RowUpdate> a, std::span<const RowUpdate> b) {
  const size_t most = std::min(a.size(), b.size());
  size_t n = 0;
  while (n < most && a[n].key == b[n].key && SameContent(ContentOf(a[n]), ContentOf(b[n]))) ++n;
  return n;
}

Result<std::span<const RowUpdate>> JoinTwo(const TableSchema& schema, std::span<const RowUpdate> a,
                                           std::span<const RowUpdate> b, Arena* arena) {
  // Replicas agree nearly always.
  const size_t same = SameRows(a, b);
  if (same == b.size()) return a;
  if (same == a.size()) return b;
  const std::span<RowUpdate> out = arena->NewArray<RowUpdate>(a.size() + b.size() - same);
  std::ranges::copy(a.first(same), out.begin());
  size_t n = same;
  size_t i = same;
  size_t j = same;
  while (i < a.size() && j < b.size()) {
    const int order = a[i].key.compare(b[j].key);
    if (order < 0) {
      out[n++] = a[i++];
    } else if (order > 0) {
      out[n++] = b[j++];
    } else {
      ASSIGN_OR_RETURN(out[n++], JoinRow(schema, a[i++], b[j++], arena));
    }
  }
  while (i < a.size()) out[n++] = a[i++];
  while (j < b.size()) out[n++] = b[j++];
  return std::span<const RowUpdate>(out.first(n));
}

// Goes through the ranges of one list; what has been taken of the one at hand is cut off at its start.
class RangeReader {
 public:
  explicit RangeReader(std::span<const RangeDeletion> ranges) : ranges_(ranges) { Enter(); }

  bool done() const { return next_ == ranges_.size(); }
  const RangeDeletion& current() const { return current_; }
  // Takes the part before `end`, which is in the range or its end.
  void TakeUntil(const Bound& end) {
    if (end.cut == current_.end.cut) {
      ++next_;
      return Enter();
    }
    current_.start = OtherSide(end);
  }

 private:
  void Enter() {
    if (!done()) current_ = ranges_[next_];
  }

  std::span<const RangeDeletion> ranges_;
  size_t next_ = 0;
  RangeDeletion current_;
};

// Collects ranges from left to right; joins neighbours of one deletion.
class RangeList {
 public:
  explicit RangeList(std::span<RangeDeletion> room) : room_(room) {}

  void Add(const Bound& start, const Bound& end, const Deletion& deletion) {
    if (n_ > 0 && room_[n_ - 1].end.cut == start.cut && room_[n_ - 1].deletion == deletion) {
      room_[n_ - 1].end = end;
      return;
    }
    room_[n_++] = {start, end, deletion};
  }

  std::span<const RangeDeletion> ranges() const { return room_.first(n_); }

 private:
  std::span<RangeDeletion> room_;
  size_t n_ = 0;
};

std::span<const RangeDeletion> JoinTwo(std::span<const RangeDeletion> a, std::span<const RangeDeletion> b,
                                       Arena* arena) {
  // Every piece but the last ends at an end of a range of `a` or `b`, each of which has two.
  RangeList out(arena->NewArray<RangeDeletion>(2 * (a.size() + b.size())));
  RangeReader x(a);
  RangeReader y(b);
  const auto take = [&out](RangeReader* from, const Bound& end) {
    out.Add(from->current().start, end, from->current().deletion);
    from->TakeUntil(end);
  };
  while (!x.done() && !y.done()) {
    RangeReader* const first = y.current().start.cut < x.current().start.cut ? &y : &x;
    RangeReader* const second = first == &x ? &y : &x;
    const RangeDeletion& one = first->current();
    const RangeDeletion& other = second->current();
    if (one.end.cut <= other.start.cut) {
      take(first, Bound(one.end));
    } else if (one.start.cut < other.start.cut) {
      take(first, OtherSide(other.start));
    } else {
      const Bound end = other.end.cut < one.end.cut ? other.end : one.end;
      out.Add(one.start, end, Stronger(one.deletion, other.deletion));
      first->TakeUntil(end);
      second->TakeUntil(end);
    }
  }
  while (!x.done()) take(&x, Bound(x.current().end));
  while (!y.done()) take(&y, Bound(y.current().end));
  return out.ranges();
}

}  // namespace

Result<RowUpdate> JoinRow(const TableSchema& schema, const RowUpdate& a, const RowUpdate& b, Arena* arena) {
  const RowContent one = ContentOf(a);
  const RowContent other = ContentOf(b);
  if (SameContent(one, other)) return a;
  ASSIGN_OR_RETURN(const RowContent joined, MergeContents(schema, {}, one, other, arena));
  RowUpdate row = a;
  row.liveness = joined.liveness;
  row.deletion = joined.deletion;
  row.complex_deletions = joined.complex_deletions;
  row.cells = joined.cells;
  return row;
}

Result<std::span<const RowUpdate>> JoinRows(const TableSchema& schema, std::vector<std::span<const RowUpdate>>* lists,
                                            Arena* arena) {
  std::erase_if(*lists, [](const auto& list) { return list.empty(); });
  while (lists->size() > 1) {
    const size_t half = lists->size() / 2;
    for (size_t i = 0; i < half; ++i) {
      ASSIGN_OR_RETURN((*lists)[i], JoinTwo(schema, (*lists)[2 * i], (*lists)[2 * i + 1], arena));
    }
    if (lists->size() % 2 == 1) (*lists)[half] = lists->back();
    lists->resize((lists->size() + 1) / 2);
  }
  const std::span<const RowUpdate> joined = lists->empty() ? std::span<const RowUpdate>() : lists->front();
  lists->clear();
  return joined;
}

std::span<const RangeDeletion> JoinRanges(std::vector<std::span<const RangeDeletion>>* lists, Arena* arena) {
  std::erase_if(*lists, [](const auto& list) { return list.empty(); });
  while (lists->size() > 1) {
    const size_t half = lists->size() / 2;
    for (size_t i = 0; i < half; ++i) (*lists)[i] = JoinTwo((*lists)[2 * i], (*lists)[2 * i + 1], arena);
    if (lists->size() % 2 == 1) (*lists)[half] = lists->back();
    lists->resize((lists->size() + 1) / 2);
  }
  const std::span<const RangeDeletion> joined = lists->empty() ? std::span<const RangeDeletion>() : lists->front();
  lists->clear();
  return joined;
}

}  // namespace braid::internal
