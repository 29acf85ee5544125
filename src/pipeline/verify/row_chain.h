// The events of one row after another: whether each follows from the one before it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/arena.h"
#include "base/result.h"
#include "codec/schema.h"
#include "model/change.h"
#include "pipeline/verify/findings.h"

namespace braid {

class RowChain {
 public:
  // Both must outlive it.
  RowChain(const SchemaLookup* schemas, Findings* findings) : schemas_(schemas), findings_(findings) {}

  // Another row, or the row after its table was truncated. `known`: nothing of it is older than what comes now.
  void Begin(bool known);

  // The next event, a Change in codec form; what it breaks is told. Errors: kCorrupt, kUnsupported.
  Status Take(uint64_t n, ByteView encoded);

  // The last event; nullptr if there was none. Lives until the next call.
  const Change* last() const { return last_.has_value() ? &*last_ : nullptr; }
  uint64_t last_number() const { return last_number_; }
  // Whether the row's whole history was to be seen, so that without an event there was none.
  bool known() const { return known_; }

 private:
  void CheckFirst(const Change& change, uint64_t n);
  void CheckNext(const Change& before, const Change& change, uint64_t n);

  const SchemaLookup* schemas_;
  Findings* findings_;
  bool known_ = false;
  std::optional<Change> last_;
  uint64_t last_number_ = 0;
  // Of the last event and of the one at hand, by turns.
  std::string bytes_[2];
  Arena arenas_[2];
  int at_ = 0;
};

}  // namespace braid
