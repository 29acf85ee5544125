// What commit logs hold of one table, as a source of a merge: of writes that are in no SSTable yet.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "base/result.h"
#include "cassandra/commitlog/mutation_decoder.h"
#include "cassandra/sstable/token_range.h"
#include "model/position.h"
#include "model/schema.h"
#include "pipeline/merge/piece_source.h"
#include "pipeline/merge/write_source.h"

namespace braid {

struct LogSourceOptions {
  TokenRange tokens;               // only partitions with these
  std::vector<ColumnId> excluded;  // columns that are left out
  bool live = false;               // as SegmentOptions::live
  // What the node logged up to here is left out: the table was truncated then. Its `node` does not matter.
  Position after;
  WriteSorter::Options sorting;
  std::function<bool()> stop;  // asked often whether to end early: the answer is then kTransient; may be empty
};

// What was read, and what could not be.
struct LogSourceReport {
  uint64_t segments = 0;
  uint64_t mutations = 0;  // of the table and of these tokens
  // Ends of segments that were never finished, a line each: no loss.
  std::vector<std::string> torn;
  // Writes that may be missing: bytes that cannot be read, columns that the definition does not know, a line each.
  std::vector<std::string> damage;
};

// Reads `segments` once, and gives a source of every write of the table in them, joined. `tables` must know the other
// tables that stand in them, by whose definitions mutations of several tables are stepped through; this table is read
// by `schema`. `name` is what messages call the source. What is damaged is told in `report` and passed over. Errors:
// kIoError, kUnsupported (a segment's version or compressor; encryption), kTransient (stopped).
Result<std::unique_ptr<PieceSource>> ReadLogSource(std::string name,
                                                   const std::vector<std::unique_ptr<ByteSource>>& segments,
                                                   const TableLookup& tables, const TableSchemaPtr& schema,
                                                   const LogSourceOptions& options, LogSourceReport* report);

}  // namespace braid
