// What a shard still has to read from the nodes' files, by its mark alone: of a pipeline whose shards see to that
// each by itself. Pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "capture/schema_book.h"
#include "cassandra/sstable/token_range.h"
#include "model/gap.h"
#include "model/schema.h"
#include "pipeline/shard/mark.h"
#include "transport/message/message.h"

namespace braid {

// The tokens of a shard, by ShardOf.
TokenRange TokensOf(uint32_t shard, uint32_t shards);

struct PastNeed {
  const TableSchema* table = nullptr;  // the newest definition
  uint64_t task = 0;                   // ShardMark::Snapshot::task
  bool repair = false;                 // SnapshotNote::repair
  // From here to the shard's end: where a pass that was begun has come to, or its beginning.
  Token from;
};

struct PastRules {
  TokenRange tokens;      // of the shard
  bool bootstrap = true;  // tables with a past that no log holds are read
  bool gaps = true;       // and what lies in gaps
};

// In the order of CapturedTables. Errors: kCorrupt, a place in the mark that is none.
Result<std::vector<PastNeed>> NeedsOf(const ShardMark& mark, const SchemaBook& schemas, const PastRules& rules);

// The open gaps that have nothing left to be read for: all their tables were read, in this shard, since each was
// opened.
std::vector<Gap> HealedGaps(const ShardMark& mark, const SchemaBook& schemas, const TokenRange& tokens);

// What closes a gap that was healed so.
Message HealedMessage(const Gap& gap);

}  // namespace braid
