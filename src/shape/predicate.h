// Row predicates: their language (docs/streams-config.md) and what they say of a row.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/change.h"
#include "shape/names.h"

namespace braid::shape {

// What a row is asked about: a Change's key and one of its images.
struct RowView {
  const Change& change;
  // Columns that it leaves out are not known. nullptr: no column is, but those of the key.
  const Image* image = nullptr;
};

// What SQL's three-valued logic gives, as far as it is known: a value from `least` to `most`.
enum class Truth : uint8_t { kFalse = 0, kNull = 1, kTrue = 2 };
struct TruthRange {
  Truth least = Truth::kFalse;
  Truth most = Truth::kTrue;

  bool surely_true() const { return least == Truth::kTrue; }
  bool surely_not() const { return most != Truth::kTrue; }
};

// One part of a predicate. Immutable.
class Condition {
 public:
  virtual ~Condition() = default;
  // Allocates nothing, but for decimals whose digits do not fit in 64 bits.
  virtual TruthRange Of(const RowView& row) const = 0;
};

// Parses `text`, which is not empty. Columns are named, and literals typed, by `table`. What is returned points into
// `table.schema`. Errors: kInvalidArgument with the place: "at character 10: …".
Result<std::unique_ptr<const Condition>> ParsePredicate(std::string_view text, const Table& table);

}  // namespace braid::shape
