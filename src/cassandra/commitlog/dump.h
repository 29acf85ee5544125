// Decoded commit logs as JSON lines, cell by cell, for people and for comparison with Cassandra's own reader: what
// `braid inspect commitlog` prints. tests/recorder/README.md has the form.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/byte_source.h"
#include "base/result.h"
#include "cassandra/commitlog/walk.h"
#include "model/mutation.h"

namespace braid {

// True for keyspaces of Cassandra's own, whose mutations are not dumped: "system" and "system_…".
bool IsSystemKeyspace(std::string_view keyspace);

// Writes parts of mutations as lines. Remembers, of each definition seen, the order in which Cassandra prints columns:
// definitions must outlive it. Not thread-safe.
class MutationPrinter {
 public:
  // The line of one part, with its line end. `part_index` is the part's index in its mutation. Valid until the next
  // call.
  std::string_view Print(const Mutation& part, uint32_t part_index);

 private:
  const std::vector<uint16_t>& RanksOf(const TableSchema& schema);
  void PrintRow(const TableSchema& schema, const RowUpdate& row);
  void PrintCell(const TableSchema& schema, const Cell& cell);
  void PrintRowsAndMarkers(const Mutation& part);
  void PrintMarker(const RangeDeletion* closed, const RangeDeletion* opened);
  void PrintClustering(ByteView values);

  std::unordered_map<const TableSchema*, std::vector<uint16_t>> ranks_;
  std::vector<const Cell*> cells_;
  std::vector<const ComplexDeletion*> complex_;
  std::string line_;
};

struct DumpOptions {
  // Only this table, "keyspace.table"; empty: all.
  std::string table;
  // System keyspaces too.
  bool all = false;
  SegmentOptions segment;
  // Whether to go on after a torn tail or damage; a kUnread of system tables is not told. Empty: stop at the first
  // damage, pass over torn tails and unknown tables.
  std::function<bool(const LogProblem&)> on_problem;
};

struct DumpCounts {
  uint64_t mutations = 0;  // not parts; those outside system keyspaces, unless `all`
  uint64_t cells = 0;      // as Cassandra's reader iterates them
  uint64_t bytes = 0;      // of payload
};

// Prints every mutation of `segments`, in the order given, to `print`, one line a call. Mutations of which any table is
// unknown are left out whole. Errors: those of WalkSegment.
Result<DumpCounts> DumpCommitLogs(const std::vector<const ByteSource*>& segments, const TableLookup& tables,
                                  const DumpOptions& options, const std::function<void(std::string_view)>& print);

// Decodes the same and only counts: a pass to be timed. All tables are decoded, whatever is counted. `decoder` is kept
// from pass to pass, so that a later one is warm; it must have been made for the same tables, wanting all.
Result<DumpCounts> CountCommitLogs(const std::vector<const ByteSource*>& segments, const DumpOptions& options,
                                   MutationDecoder* decoder);

}  // namespace braid
