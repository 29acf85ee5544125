// Every write to some rows of one partition, each with the places where its copies were logged.
#pragma once

#include <cstdint>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "codec/schema.h"
#include "model/mutation.h"
#include "pipeline/explain/row_key.h"
#include "pipeline/replay/logs.h"

namespace braid {

// One copy of a write, as one node logged it.
struct Copy {
  Position position;
  bool whole = true;  // false: it holds only a part of what all copies together say
};

struct Evidence {
  Mutation write;  // all copies joined
  std::vector<Copy> copies;
};

// Collects what concerns the rows of `pattern` and keeps it in memory.
class EvidenceCollector : public MutationVisitor {
 public:
  // What is given must outlive the collector. `definitions` must know the table; `now` is
  // the machine's time (see JoinCopies).
  EvidenceCollector(const RowKeyPattern& pattern, const SchemaLookup& definitions, UnixSeconds now)
      : pattern_(pattern), definitions_(definitions), now_(now) {}

  // kInvalidArgument if the writes exceed the memory that one explanation may take.
  Status Visit(uint32_t table, const Mutation& mutation) override;
  void Progress(uint64_t) override {}

  // The writes in the order in which a replay applies them. Lives as long as the collector.
  Result<std::vector<Evidence>> Join();

 private:
  bool Concerns(const Mutation& write) const;
  Status Keep(const Mutation& write);

  const RowKeyPattern& pattern_;
  const SchemaLookup& definitions_;
  const UnixSeconds now_;
  std::string last_key_;
  bool last_key_matched_ = false;
  bool seen_any_ = false;
  Arena cutting_;
  Arena kept_;
  std::vector<Mutation> cut_;
  std::vector<Mutation> writes_;
};

}  // namespace braid
