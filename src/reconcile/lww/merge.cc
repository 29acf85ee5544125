#include "reconcile/lww/merge.h"

#include <algorithm>

#include "base/check.h"
#include "model/value_order.h"

namespace braid {
namespace {

template <typename T>
int Compare(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

bool IsCounter(const TableSchema& schema, const Cell& cell) {
  if (!schema.counter) return false;
  const Column* column = ColumnOf(schema, cell.column);
  return column != nullptr && column->type->kind == TypeKind::kCounter;
}

// Of counters a tombstone wins whatever its time (CASSANDRA-7346). 0 if the contexts must be merged.
int CompareCounterKinds(const Cell& a, const Cell& b) {
  const bool a_dead = a.kind == CellKind::kTombstone;
  const bool b_dead = b.kind == CellKind::kTombstone;
  if (a_dead && b_dead) return CompareCells(a, b);
  return Compare(a_dead, b_dead);
}

// Merges the row's parts into the arena, each kind in one pass over both sides.
class Merger {
 public:
  Merger(const TableSchema& schema, const Deletion& outer, const RowContent& a, const RowContent& b, Arena* arena,
         MergeTrace* trace)
      : schema_(schema), a_(a), b_(b), arena_(arena), trace_(trace) {
    merged_.deletion = Stronger(a.deletion, b.deletion);
    if (!Supersedes(merged_.deletion, outer)) merged_.deletion = {};
    active_ = Stronger(outer, merged_.deletion);
  }

  Result<RowContent> Merge() {
    MergeLiveness();
    MergeComplexDeletions();
    TRY(MergeCells());
    return merged_;
  }

 private:
  void MergeLiveness() {
    const bool b_wins = CompareLiveness(b_.liveness, a_.liveness) > 0;
    const Liveness& best = b_wins ? b_.liveness : a_.liveness;
    if (!active_.Covers(best.at)) merged_.liveness = best;
    if (trace_ == nullptr) return;
    if (b_wins && !merged_.liveness.none()) trace_->adds = true;
    if (merged_.liveness.none() && IsLive(a_.liveness, trace_->now)) trace_->ends_live = true;
  }

  void MergeComplexDeletions() {
    const auto& a = a_.complex_deletions;
    const auto& b = b_.complex_deletions;
    if (a.empty() && b.empty()) return;
    std::span<ComplexDeletion> out = arena_->NewArray<ComplexDeletion>(a.size() + b.size());
    size_t n = 0;
    for (size_t i = 0, j = 0; i < a.size() || j < b.size();) {
      const int order = i == a.size() ? 1 : j == b.size() ? -1 : Compare(a[i].column, b[j].column);
      ComplexDeletion best = order <= 0 ? a[i] : b[j];
      if (order == 0) best.deletion = Stronger(a[i].deletion, b[j].deletion);
      if (order <= 0) ++i;
      if (order >= 0) ++j;
      if (Supersedes(best.deletion, active_)) out[n++] = best;
    }
    merged_.complex_deletions = out.first(n);
  }

  // The deletion that is in force for the cells of `column`. Columns must come in order.
  const Deletion& Filter(ColumnId column) {
    const auto& complex = merged_.complex_deletions;
    while (next_complex_ < complex.size() && complex[next_complex_].column < column) ++next_complex_;
    if (next_complex_ < complex.size() && complex[next_complex_].column == column) {
      return complex[next_complex_].deletion;
    }
    return active_;
  }

  Status MergeCells() {
    const auto& a = a_.cells;
    const auto& b = b_.cells;
    if (a.empty() && b.empty()) return {};
    std::span<Cell> out = arena_->NewArray<Cell>(a.size() + b.size());
    size_t n = 0;
    for (size_t i = 0, j = 0; i < a.size() || j < b.size();) {
      const int order = i == a.size() ? 1 : j == b.size() ? -1 : ComparePlaces(schema_, a[i], b[j]);
      const Cell* in_a = order <= 0 ? &a[i++] : nullptr;
      const Cell* in_b = order >= 0 ? &b[j++] : nullptr;
      const Deletion& filter = Filter(in_a != nullptr ? in_a->column : in_b->column);
      if (in_a != nullptr && filter.Covers(in_a->at)) {
        Ended(*in_a);
        in_a = nullptr;
      }
      if (in_b != nullptr && filter.Covers(in_b->at)) in_b = nullptr;
      if (in_a == nullptr && in_b == nullptr) continue;
      TRY(Place(in_a, in_b, &out[n++]));
    }
    merged_.cells = out.first(n);
    return {};
  }

  // Puts the winner of what is left of the two cells of one place into `out`.
  Status Place(const Cell* in_a, const Cell* in_b, Cell* out) {
    if (in_b == nullptr) {
      *out = *in_a;
      return {};
    }
    if (in_a == nullptr) {
      *out = *in_b;
      Added(*in_b);
      // Checks a context that comes alone, too: merged with itself it stays what it is.
      if (in_b->kind == CellKind::kLive && IsCounter(schema_, *in_b)) {
        ASSIGN_OR_RETURN(out->value, Contexts(in_b->value, in_b->value));
      }
      return {};
    }
    if (!IsCounter(schema_, *in_a)) {
      const int order = CompareCells(*in_a, *in_b);
      *out = order >= 0 ? *in_a : *in_b;
      // What ran out in `a` and comes as a tombstone is the same write once more.
      if (order < 0 && !(trace_ != nullptr && IsExpiredFormOf(*in_b, *in_a, trace_->now))) Added(*in_b, in_a);
      return {};
    }
    const int order = CompareCounterKinds(*in_a, *in_b);
    *out = order >= 0 ? *in_a : *in_b;
    if (order < 0) Added(*in_b);
    if (order != 0 || in_a->kind == CellKind::kTombstone) return {};
    out->at = std::max(in_a->at, in_b->at);
    ASSIGN_OR_RETURN(out->value, Contexts(in_a->value, in_b->value));
    if (out->value != in_a->value) Added(*in_b);
    return {};
  }

  Result<ByteView> Contexts(ByteView a, ByteView b) {
    Result<ByteView> merged = MergeCounterContexts(a, b, arena_);
    if (!merged.has_value()) return merged.error().At("table " + schema_.FullName());
    return merged;
  }

  // `over`: the one whose place it took, nullptr if none.
  void Added(const Cell& cell, const Cell* over = nullptr) {
    if (trace_ == nullptr || !Counts(schema_, cell.column, cell.at)) return;
    trace_->adds = true;
    if (IsLive(cell, trace_->now) || (over != nullptr && IsLive(*over, trace_->now))) trace_->shows = true;
  }
  void Ended(const Cell& cell) {
    if (trace_ == nullptr || trace_->ends_live) return;
    trace_->ends_live = IsLive(cell, trace_->now) && Counts(schema_, cell.column, cell.at);
  }

  const TableSchema& schema_;
  const RowContent& a_;
  const RowContent& b_;
  Arena* const arena_;
  MergeTrace* const trace_;
  Deletion active_;  // the strongest of the row's and those around it
  RowContent merged_;
  size_t next_complex_ = 0;
};

// Gathers the verdict of OverlapOf over the parts of an update.
class OverlapCheck {
 public:
  OverlapCheck(const TableSchema& schema, const Deletion& outer, const RowContent& state, const RowContent& update)
      : schema_(schema), outer_(outer), state_(state), update_(update), active_(Stronger(outer, state.deletion)) {}

  Overlap Run() {
    if (!OfDeletion(update_.deletion, state_.deletion, outer_) || !OfLiveness() || !OfComplexDeletions() ||
        !OfCells()) {
      return Overlap::kNews;
    }
    return overtaken_ ? Overlap::kOvertaken : Overlap::kCopy;
  }

 private:
  // False if `update` is news.
  bool OfDeletion(const Deletion& update, const Deletion& known, const Deletion& around) {
    if (update.live() || update == known) return true;
    overtaken_ = true;
    return !Supersedes(update, Stronger(known, around));
  }

  bool OfLiveness() {
    if (update_.liveness.none() || update_.liveness == state_.liveness) return true;
    overtaken_ = true;
    return active_.Covers(update_.liveness.at) || CompareLiveness(update_.liveness, state_.liveness) <= 0;
  }

  const Deletion* ComplexDeletionOf(ColumnId column) const {
    for (const ComplexDeletion& complex : state_.complex_deletions) {
      if (complex.column == column) return &complex.deletion;
    }
    return nullptr;
  }

  bool OfComplexDeletions() {
    return std::ranges::all_of(update_.complex_deletions, [&](const ComplexDeletion& complex) {
      const Deletion* known = ComplexDeletionOf(complex.column);
      return OfDeletion(complex.deletion, known == nullptr ? Deletion{} : *known, active_);
    });
  }

  bool OfCells() {
    size_t i = 0;
    for (const Cell& cell : update_.cells) {
      while (i < state_.cells.size() && ComparePlaces(schema_, state_.cells[i], cell) < 0) ++i;
      const bool found = i < state_.cells.size() && ComparePlaces(schema_, state_.cells[i], cell) == 0;
      if (found && state_.cells[i] == cell) continue;
      overtaken_ = true;
      if (IsCovered(cell)) continue;
      if (!found || IsNews(cell, state_.cells[i])) return false;
    }
    return true;
  }

  bool IsCovered(const Cell& cell) const {
    if (active_.Covers(cell.at)) return true;
    const Deletion* complex = ComplexDeletionOf(cell.column);
    return complex != nullptr && complex->Covers(cell.at);
  }

  bool IsNews(const Cell& cell, const Cell& known) {
    if (!IsCounter(schema_, cell)) return CompareCells(cell, known) > 0;
    const int order = CompareCounterKinds(cell, known);
    if (order != 0 || cell.kind == CellKind::kTombstone) return order > 0;
    if (cell.at > known.at) return true;
    Arena scratch(256);
    const Result<ByteView> merged = MergeCounterContexts(known.value, cell.value, &scratch);
    return !merged.has_value() || *merged != known.value;
  }

  const TableSchema& schema_;
  const Deletion& outer_;
  const RowContent& state_;
  const RowContent& update_;
  const Deletion active_;
  bool overtaken_ = false;
};

}  // namespace

int CompareCells(const Cell& a, const Cell& b) {
  if (a.at != b.at) return Compare(a.at, b.at);
  const bool a_ends = a.kind != CellKind::kLive;
  const bool b_ends = b.kind != CellKind::kLive;
  if (a_ends != b_ends) return a_ends ? 1 : -1;
  if (a.kind != b.kind) return a.kind == CellKind::kTombstone ? 1 : -1;
  if (a_ends && a.local_deletion != b.local_deletion) return Compare(a.local_deletion, b.local_deletion);
  if (a.value != b.value) return Compare(a.value, b.value);
  // To Cassandra these are equal; a fixed choice makes the join commutative to the bit.
  return a.kind == CellKind::kExpiring ? Compare(a.ttl_s, b.ttl_s) : 0;
}

int CompareLiveness(const Liveness& a, const Liveness& b) {
  if (a.at != b.at) return Compare(a.at, b.at);
  const bool a_marked = a.ttl_s == kExpiredLivenessTtl;
  const bool b_marked = b.ttl_s == kExpiredLivenessTtl;
  if (a_marked != b_marked) return a_marked ? 1 : -1;
  if ((a.ttl_s == 0) != (b.ttl_s == 0)) return a.ttl_s != 0 ? 1 : -1;
  if (a.expires != b.expires) return Compare(a.expires, b.expires);
  return Compare(a.ttl_s, b.ttl_s);
}

RowContent ContentOf(const RowUpdate& update) {
  return {update.liveness, update.deletion, update.complex_deletions, update.cells};
}
RowContent ContentOf(const RowState& state) {
  return {state.liveness, state.deletion, state.complex_deletions, state.cells};
}

RowState WithContent(RowState state, const RowContent& content) {
  state.liveness = content.liveness;
  state.deletion = content.deletion;
  state.complex_deletions = content.complex_deletions;
  state.cells = content.cells;
  return state;
}

WriteTime GreatestTime(const RowContent& row) {
  WriteTime greatest = std::max(row.liveness.at, row.deletion.at);
  for (const ComplexDeletion& complex : row.complex_deletions) greatest = std::max(greatest, complex.deletion.at);
  for (const Cell& cell : row.cells) greatest = std::max(greatest, cell.at);
  return greatest;
}

bool SameContent(const RowContent& a, const RowContent& b) {
  return a.liveness == b.liveness && a.deletion == b.deletion &&
         std::ranges::equal(a.complex_deletions, b.complex_deletions) && std::ranges::equal(a.cells, b.cells);
}

Result<RowContent> MergeContents(const TableSchema& schema, const Deletion& outer, const RowContent& a,
                                 const RowContent& b, Arena* arena, MergeTrace* trace) {
  return Merger(schema, outer, a, b, arena, trace).Merge();
}

Overlap OverlapOf(const TableSchema& schema, const Deletion& outer, const RowContent& state, const RowContent& update) {
  return OverlapCheck(schema, outer, state, update).Run();
}

int ComparePlaces(const TableSchema& schema, const Cell& a, const Cell& b) {
  if (a.column != b.column) return a.column < b.column ? -1 : 1;
  if (a.path == b.path) return 0;
  const Column* column = ColumnOf(schema, a.column);
  if (column == nullptr || !column->multi_cell()) return Compare(a.path, b.path);
  return CompareValues(PathType(*column->type), a.path, b.path);
}

}  // namespace braid
