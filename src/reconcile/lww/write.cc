#include "reconcile/lww/write.h"

#include <algorithm>

#include "base/check.h"
#include "reconcile/lww/merge.h"

namespace braid {
namespace {

// A mutation of the same partition and position without content.
Mutation Blank(const Mutation& of) {
  Mutation write;
  write.schema = of.schema;
  write.token = of.token;
  write.partition_key = of.partition_key;
  write.position = of.position;
  return write;
}

bool IsOneOlder(WriteTime older, WriteTime than) {
  return !older.none() && older.us == than.us - 1;
}

// Decides which parts of a row belong to its write at `time`.
class Membership {
 public:
  Membership(const RowUpdate& row, WriteTime time) : time_(time) {
    has_data_ = row.liveness.at == time;
    has_cells_ = has_data_;
    for (const Cell& cell : row.cells) {
      if (cell.at != time) continue;
      has_cells_ = true;
      if (cell.kind != CellKind::kTombstone) {
        has_data_ = true;
        return;
      }
    }
  }

  bool Has(const Liveness& liveness) const { return liveness.at == time_; }
  bool Has(const Deletion& deletion) const {
    return deletion.at == time_ || (has_data_ && IsOneOlder(deletion.at, time_));
  }
  bool Has(const ComplexDeletion& complex) const {
    return complex.deletion.at == time_ || (has_cells_ && IsOneOlder(complex.deletion.at, time_));
  }
  bool Has(const Cell& cell) const {
    return cell.at == time_ || (has_data_ && cell.kind == CellKind::kTombstone && IsOneOlder(cell.at, time_));
  }

 private:
  WriteTime time_;
  bool has_data_ = false;   // live data is written at this time
  bool has_cells_ = false;  // or at least tombstone cells are
};

bool IsOneWrite(const RowUpdate& row, const Membership& write) {
  return (row.liveness.none() || write.Has(row.liveness)) && (row.deletion.live() || write.Has(row.deletion)) &&
         std::ranges::all_of(row.complex_deletions, [&](const auto& complex) { return write.Has(complex); }) &&
         std::ranges::all_of(row.cells, [&](const Cell& cell) { return write.Has(cell); });
}

// Splits `items` into those that belong to `write`, which are returned, and the rest, which stays. Keeps their order.
template <typename Item>
std::span<const Item> Take(const Membership& write, std::span<const Item>* items, Arena* arena) {
  const auto taken =
      static_cast<size_t>(std::ranges::count_if(*items, [&](const Item& item) { return write.Has(item); }));
  if (taken == 0) return {};
  std::span<Item> out = arena->NewArray<Item>(taken);
  std::span<Item> rest = arena->NewArray<Item>(items->size() - taken);
  size_t n_out = 0;
  size_t n_rest = 0;
  for (const Item& item : *items) {
    if (write.Has(item)) {
      out[n_out++] = item;
    } else {
      rest[n_rest++] = item;
    }
  }
  *items = rest;
  return out;
}

void AppendRowWrite(const Mutation& mutation, const RowUpdate* row, bool is_static, std::vector<Mutation>* to) {
  Mutation write = Blank(mutation);
  if (is_static) {
    write.static_row = row;
  } else {
    write.rows = {row, 1};
  }
  to->push_back(write);
}

void CutRow(const Mutation& mutation, const RowUpdate& row, bool is_static, Arena* arena, std::vector<Mutation>* to) {
  WriteTime time = GreatestTime(ContentOf(row));
  if (time.none()) return;
  Membership newest(row, time);
  if (IsOneWrite(row, newest)) {
    AppendRowWrite(mutation, &row, is_static, to);
    return;
  }
  const size_t first = to->size();
  RowUpdate rest = row;
  for (; !time.none(); time = GreatestTime(ContentOf(rest))) {
    const Membership members(rest, time);
    RowUpdate* part = arena->New<RowUpdate>();
    part->key = row.key;
    part->clustering = row.clustering;
    if (members.Has(rest.liveness)) std::swap(part->liveness, rest.liveness);
    if (members.Has(rest.deletion)) std::swap(part->deletion, rest.deletion);
    part->complex_deletions = Take(members, &rest.complex_deletions, arena);
    part->cells = Take(members, &rest.cells, arena);
    AppendRowWrite(mutation, part, is_static, to);
  }
  std::reverse(to->begin() + static_cast<ptrdiff_t>(first), to->end());
}

CounterShard LatestShardOf(const RowUpdate& row) {
  CounterShard latest;
  for (const Cell& cell : row.cells) {
    if (cell.kind != CellKind::kLive) continue;
    const CounterShard shard = LatestShard(cell.value);
    if (!shard.id.empty() && (latest.id.empty() || shard.clock > latest.clock)) latest = shard;
  }
  return latest;
}

Position LeastPosition(std::span<const Mutation> copies) {
  Position least = copies.front().position;
  for (const Mutation& copy : copies) least = std::min(least, copy.position);
  return least;
}

// Puts the cells of `copy` whose expired forms have won the join into `told`, which holds what `joined` holds
// otherwise: each was written as a cell that lives for a time, and that time has not been told of yet. Of several the
// greatest.
void Unexpire(const TableSchema& schema, std::span<const Cell> joined, std::span<const Cell> copy, UnixSeconds now,
              Arena* arena, std::span<Cell>* told) {
  size_t i = 0;
  for (const Cell& cell : copy) {
    while (i < joined.size() && ComparePlaces(schema, joined[i], cell) < 0) ++i;
    if (i == joined.size()) return;
    if (ComparePlaces(schema, joined[i], cell) != 0 || !IsExpiredFormOf(joined[i], cell, now)) continue;
    if (told->empty()) *told = arena->CopyArray(joined);
    const bool is_first = (*told)[i].kind == CellKind::kTombstone;
    if (is_first || CompareCells(cell, (*told)[i]) > 0) (*told)[i] = cell;
  }
}

}  // namespace

Target TargetOf(const Mutation& write) {
  if (!write.partition_deletion.live()) return Target::kPartition;
  if (!write.ranges.empty()) return Target::kRange;
  if (write.static_row != nullptr) return Target::kStatic;
  CHECK(write.rows.size() == 1);
  return Target::kRow;
}

const RowUpdate& RowOf(const Mutation& write) {
  return write.static_row != nullptr ? *write.static_row : write.rows.front();
}

WriteTime WriteTimeOf(const Mutation& write) {
  switch (TargetOf(write)) {
    case Target::kPartition:
      return write.partition_deletion.at;
    case Target::kRange:
      return write.ranges.front().deletion.at;
    default:
      return GreatestTime(ContentOf(RowOf(write)));
  }
}

WriteOrder OrderOf(const Mutation& write) {
  WriteOrder order;
  order.target = TargetOf(write);
  order.time = WriteTimeOf(write);
  if (order.target == Target::kRange) {
    order.key = write.ranges.front().start.cut;
    order.tie = write.ranges.front().end.cut;
  } else if (order.target == Target::kRow || order.target == Target::kStatic) {
    const RowUpdate& row = RowOf(write);
    order.key = row.key;
    if (write.schema->counter) {
      const CounterShard shard = LatestShardOf(row);
      if (!shard.id.empty()) {
        order.time = WriteTime{shard.clock};
        order.tie = shard.id;
      }
    }
  }
  return order;
}

bool SameWrite(const Mutation& a, const Mutation& b) {
  return OrderOf(a) == OrderOf(b) && (!a.schema->counter || WriteTimeOf(a) == WriteTimeOf(b));
}

void CutIntoWrites(const Mutation& mutation, Arena* arena, std::vector<Mutation>* to) {
  if (!mutation.partition_deletion.live()) {
    Mutation write = Blank(mutation);
    write.partition_deletion = mutation.partition_deletion;
    to->push_back(write);
  }
  for (const RangeDeletion& range : mutation.ranges) {
    Mutation write = Blank(mutation);
    write.ranges = {&range, 1};
    to->push_back(write);
  }
  if (mutation.static_row != nullptr) CutRow(mutation, *mutation.static_row, /*is_static=*/true, arena, to);
  for (const RowUpdate& row : mutation.rows) CutRow(mutation, row, /*is_static=*/false, arena, to);
}

Result<Mutation> JoinCopies(std::span<const Mutation> copies, UnixSeconds now, Arena* arena) {
  CHECK(!copies.empty());
  Mutation joined = copies.front();
  if (copies.size() == 1) return joined;
  joined.position = LeastPosition(copies);
  const Target target = TargetOf(joined);
  if (target == Target::kPartition) {
    for (const Mutation& copy : copies) {
      joined.partition_deletion = Stronger(joined.partition_deletion, copy.partition_deletion);
    }
    return joined;
  }
  if (target == Target::kRange) {
    RangeDeletion* range = arena->New<RangeDeletion>();
    *range = joined.ranges.front();
    for (const Mutation& copy : copies) {
      range->deletion = Stronger(range->deletion, copy.ranges.front().deletion);
    }
    joined.ranges = {range, 1};
    return joined;
  }
  RowContent content = ContentOf(RowOf(joined));
  for (const Mutation& copy : copies.subspan(1)) {
    const RowContent other = ContentOf(RowOf(copy));
    if (SameContent(content, other)) continue;
    ASSIGN_OR_RETURN(content, MergeContents(*joined.schema, Deletion{}, content, other, arena));
  }
  // Only when all are joined: a cell put back sooner would lose to a copy that its expired form wins over.
  std::span<Cell> told;
  for (const Mutation& copy : copies) {
    Unexpire(*joined.schema, content.cells, ContentOf(RowOf(copy)).cells, now, arena, &told);
  }
  if (!told.empty()) content.cells = told;
  RowUpdate* row = arena->New<RowUpdate>();
  *row = RowOf(joined);
  row->liveness = content.liveness;
  row->deletion = content.deletion;
  row->complex_deletions = content.complex_deletions;
  row->cells = content.cells;
  if (target == Target::kStatic) {
    joined.static_row = row;
  } else {
    joined.rows = {row, 1};
  }
  return joined;
}

bool IsAbsorbedBy(const Mutation& fragment, const Mutation& write) {
  const Target target = TargetOf(fragment);
  if (target != TargetOf(write) || (target != Target::kRow && target != Target::kStatic)) return false;
  const RowUpdate& part = RowOf(fragment);
  const RowUpdate& whole = RowOf(write);
  if (part.key != whole.key || !part.liveness.none()) return false;
  if (!IsOneOlder(WriteTimeOf(fragment), WriteTimeOf(write))) return false;
  const auto has = [](const auto& all, const auto& item) { return std::ranges::find(all, item) != all.end(); };
  return (part.deletion.live() || part.deletion == whole.deletion) &&
         std::ranges::all_of(part.complex_deletions,
                             [&](const auto& complex) { return has(whole.complex_deletions, complex); }) &&
         std::ranges::all_of(
             part.cells, [&](const Cell& cell) { return cell.kind == CellKind::kTombstone && has(whole.cells, cell); });
}

}  // namespace braid
