// What the timeline says of a row, held against what the state has of it: pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/arena.h"
#include "model/change.h"
#include "model/row_state.h"
#include "pipeline/verify/verdict.h"

namespace braid {

// The definitions by which a row may have been told of or looked at.
struct RowDefinitions {
  const TableSchema* newest = nullptr;
  // By which the shard looked last for rows that a dropped column ends; nullptr: by none.
  const TableSchema* walked = nullptr;
};

struct RowFault {
  Fault fault = Fault::kMissing;
  std::string detail;
  std::vector<ColumnId> columns;
};

// `last`: the row's last event, nullptr if there was none since its history begins. `state`: nullptr if there is none,
// or none that was told of (revision 0). At most one of them is nullptr. The state is looked at as of the last second
// of which something was told of it: what ran out later counts.
std::optional<RowFault> JudgeRow(const Change* last, const RowState* state, RowKind row,
                                 const RowDefinitions& definitions, Arena* arena);

}  // namespace braid
