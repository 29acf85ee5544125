#include "reconcile/lww/snapshot_settle.h"

#include <algorithm>
#include <optional>

namespace braid::internal {
namespace {

class Settler {
 public:
  Settler(const TableSchema& schema, const Deletion& outer, const RowContent& state, const RowContent& found,
          UnixSeconds now, Arena* arena)
      : schema_(schema), outer_(outer), state_(state), found_(found), now_(now), arena_(arena) {
    result_.state = state;
    result_.found = found;
  }

  Settlement Run() {
    if (HidesLive(state_.deletion, nullptr)) {
      result_.state.deletion = {};
      result_.contradicts = true;
    }
    SettleComplexDeletions();
    SettleCells();
    SettleLiveness();
    return result_;
  }

 private:
  // True if the deletion, of a column or (nullptr) of the row, covers something that is alive in the snapshot.
  bool HidesLive(const Deletion& deletion, const ColumnId* column) const {
    if (deletion.live()) return false;
    if (column == nullptr && IsLive(found_.liveness, now_) && deletion.Covers(found_.liveness.at)) return true;
    return std::ranges::any_of(found_.cells, [&](const Cell& cell) {
      return (column == nullptr || cell.column == *column) && IsLive(cell, now_) && deletion.Covers(cell.at);
    });
  }

  void SettleComplexDeletions() {
    const auto hides = [&](const ComplexDeletion& complex) { return HidesLive(complex.deletion, &complex.column); };
    if (std::ranges::none_of(state_.complex_deletions, hides)) return;
    const std::span<ComplexDeletion> rest = arena_->NewArray<ComplexDeletion>(state_.complex_deletions.size());
    const auto end = std::ranges::remove_copy_if(state_.complex_deletions, rest.begin(), hides).out;
    result_.state.complex_deletions = rest.first(static_cast<size_t>(end - rest.begin()));
    result_.contradicts = true;
  }

  void SettleCells() {
    if (state_.cells.empty()) return;
    const std::span<Cell> rest = arena_->NewArray<Cell>(state_.cells.size());
    size_t n = 0;
    bool differs = false;
    size_t j = 0;
    for (const Cell& cell : state_.cells) {
      while (j < found_.cells.size() && ComparePlaces(schema_, found_.cells[j], cell) < 0) ++j;
      const bool is_there = j < found_.cells.size() && ComparePlaces(schema_, found_.cells[j], cell) == 0;
      const std::optional<Cell> settled = SettleCell(cell, is_there ? &found_.cells[j] : nullptr);
      differs |= settled != cell;
      if (settled.has_value()) rest[n++] = *settled;
    }
    if (!differs) return;
    result_.state.cells = rest.first(n);
    result_.contradicts = true;
  }

  // What is to be merged in the cell's place.
  std::optional<Cell> SettleCell(const Cell& cell, const Cell* found) const {
    const bool is_counter = schema_.counter;
    const bool is_live = IsLive(cell, now_);
    if (found != nullptr && IsLive(*found, now_)) {
      const bool hides = is_counter ? !is_live : CompareCells(cell, *found) > 0;
      return hides ? std::nullopt : std::optional(cell);
    }
    // What a newer definition named, or an older one dropped, is nothing that the snapshot could show.
    const Column* column = ColumnOf(schema_, cell.column);
    if (!is_live || column == nullptr || !Counts(*column, cell.at) || IsEndedBySnapshot(cell, found)) return cell;
    if (is_counter) return std::nullopt;
    Cell tombstone = cell;
    tombstone.kind = CellKind::kTombstone;
    tombstone.ttl_s = 0;
    tombstone.local_deletion = now_;
    tombstone.value = {};
    return tombstone;
  }

  // True if the merge alone ends the cell.
  bool IsEndedBySnapshot(const Cell& cell, const Cell* found) const {
    if (found != nullptr && (schema_.counter || CompareCells(*found, cell) > 0)) return true;
    if (outer_.Covers(cell.at) || found_.deletion.Covers(cell.at)) return true;
    return std::ranges::any_of(found_.complex_deletions, [&](const ComplexDeletion& complex) {
      return complex.column == cell.column && complex.deletion.Covers(cell.at);
    });
  }

  void SettleLiveness() {
    const Liveness& marker = state_.liveness;
    if (!IsLive(marker, now_)) {
      if (IsLive(found_.liveness, now_) && CompareLiveness(marker, found_.liveness) > 0) result_.state.liveness = {};
      return;
    }
    if (IsLive(found_.liveness, now_)) {
      // Both say that the row exists; when that ends, the snapshot knows.
      if (CompareLiveness(marker, found_.liveness) > 0) result_.state.liveness = {};
      return;
    }
    if (CompareLiveness(found_.liveness, marker) > 0 || outer_.Covers(marker.at) || found_.deletion.Covers(marker.at)) {
      return;
    }
    result_.state.liveness = {};
    result_.contradicts = true;
    // Only a deletion of the row hides a marker's copies.
    const Deletion deletion{marker.at, now_};
    if (!HidesLive(deletion, nullptr) && Supersedes(deletion, result_.found.deletion)) {
      result_.found.deletion = deletion;
    }
  }

  const TableSchema& schema_;
  const Deletion& outer_;
  const RowContent& state_;
  const RowContent& found_;
  const UnixSeconds now_;
  Arena* const arena_;
  Settlement result_;
};

}  // namespace

Settlement Settle(const TableSchema& schema, const Deletion& outer, const RowContent& state, const RowContent& found,
                  UnixSeconds now, Arena* arena) {
  return Settler(schema, outer, state, found, now, arena).Run();
}

}  // namespace braid::internal
