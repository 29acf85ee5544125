// `braid explain`: every copy of every write to a row, which of their cells won, and by which rule.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/time.h"
#include "pipeline/replay/logs.h"

namespace braid {

struct ExplainOptions {
  std::string table;               // keyspace.table
  std::string key;                 // see RowKeyPattern::Parse
  std::vector<std::string> nodes;  // NAME=HOME
  OnCorruption on_corruption = OnCorruption::kStop;
  UnixSeconds now;  // what has run out by then is said to be expired
};

// The explanation as text for a terminal, one row after another in key order, writes in time order. Nothing found is a
// kNotFound that says where was looked.
Result<std::string> Explain(const ExplainOptions& options);

}  // namespace braid
