#include "pipeline/verify/row_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "pipeline/verify/images.h"
#include "reconcile/lww/image.h"

namespace braid {
namespace {

// A row whose history is not known is taken to live until a deletion covers it.
bool Lives(const TableSchema& schema, const RowState& state) {
  return !state.complete || ExistsAt(schema, state, state.expired_through);
}

// Whether the row lives by all of the definitions, or by none; nullopt: they differ, and it may be told either way
// until the shard has walked the table.
std::optional<bool> LivesByAll(const Change* last, const RowState& state, const RowDefinitions& definitions) {
  const std::array<const TableSchema*, 3> schemas{last == nullptr ? nullptr : last->schema, definitions.walked,
                                                  definitions.newest};
  bool any = false;
  bool all = true;
  for (const TableSchema* schema : schemas) {
    if (schema == nullptr) continue;
    const bool lives = Lives(*schema, state);
    any = any || lives;
    all = all && lives;
  }
  if (any != all) return std::nullopt;
  return all;
}

// Columns that have a value, although they were added after the last event.
void AddUntold(const Change& last, const RowState& state, const TableSchema& newest, std::vector<ColumnId>* columns) {
  for (const Cell& cell : state.cells) {
    const bool added = cell.column.value >= last.schema->columns.size() && cell.column.value < newest.columns.size();
    if (!added || cell.kind == CellKind::kTombstone) continue;
    const Column& column = newest.column(cell.column);
    if (column.dropped || cell.at <= column.dropped_at) continue;
    if (columns->empty() || columns->back() != cell.column) columns->push_back(cell.column);
  }
}

}  // namespace

std::optional<RowFault> JudgeRow(const Change* last, const RowState* state, RowKind row,
                                 const RowDefinitions& definitions, Arena* arena) {
  CHECK(last != nullptr || state != nullptr);
  const bool told_alive = last != nullptr && last->after != nullptr;
  if (state == nullptr) {
    if (!told_alive) return std::nullopt;
    return RowFault{Fault::kExtra, "the state has no such row", {}};
  }
  const std::optional<bool> lives = LivesByAll(last, *state, definitions);
  if (lives == true && !told_alive) {
    return RowFault{Fault::kMissing,
                    fmt::format("the state has revision {} of it, {}", state->revision,
                                last == nullptr ? "but there is no event" : "but the last event ends it"),
                    {}};
  }
  if (lives == false && told_alive) return RowFault{Fault::kExtra, "it is dead in the state", {}};
  const uint64_t told = last == nullptr ? 0 : last->revision;
  if (told != state->revision) {
    return RowFault{told < state->revision ? Fault::kStale : Fault::kExtra,
                    fmt::format("revision {}, where the state has revision {}", told, state->revision),
                    {}};
  }
  if (!told_alive || !Lives(*last->schema, *state)) return std::nullopt;
  const std::span<const ColumnId> unknown = state->complete ? std::span<const ColumnId>() : state->unknown;
  const Image* image = ImageAt(*last->schema, row, *state, unknown, state->expired_through, arena);
  std::vector<ColumnId> columns =
      DifferentColumns({last->schema, last->after}, {last->schema, image}, row, definitions.newest);
  if (columns.empty()) {
    AddUntold(*last, *state, *definitions.newest, &columns);
    if (columns.empty()) return std::nullopt;
    return RowFault{Fault::kDifferent, "the state has values of columns that were added after the last event", {}};
  }
  return RowFault{Fault::kDifferent, "the state has other values", std::move(columns)};
}

}  // namespace braid
