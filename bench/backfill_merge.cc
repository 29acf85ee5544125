// Merges the SSTables of the directories named, each a replica's, in one thread, and visits every cell of the result:
// what `bench/run --only backfill` sets against a scan of the same files, one after another. Prints a JSON line.
//
//   braid_backfill_merge PASSES scan|merge|rows TABLE_DIRECTORY…
//
// scan: every file by itself; merge: all of them as one; rows: what of that lives, as images, as `braid backfill` sees
// it before it writes. Of the passes the best counts.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "cassandra/sstable/open_set.h"
#include "pipeline/backfill/live_rows.h"
#include "pipeline/merge/merge.h"
#include "pipeline/merge/sstable_source.h"

namespace braid {
namespace {

constexpr uint64_t kReadBytes = 32 << 20;

struct Counts : public ChangeSink {
  uint64_t rows = 0;
  uint64_t cells = 0;
  uint64_t sink = 0;  // so that the compiler leaves nothing out

  void Visit(const Mutation& mutation) {
    rows += mutation.rows.size();
    for (const RowUpdate& row : mutation.rows) {
      cells += row.cells.size();
      for (const Cell& cell : row.cells) sink += static_cast<uint64_t>(cell.at.us) + cell.value.size();
    }
  }
  Status Emit(const Change& change) override {
    ++rows;
    cells += change.after->columns.size();
    for (const ColumnValue& value : change.after->columns) sink += value.value.size();
    return {};
  }
};

// Kilobytes of anonymous memory.
uint64_t AnonymousMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::strtoull(line.c_str() + 8, nullptr, 10);
  }
  return 0;
}

Status Merge(const std::vector<const Sstable*>& sstables, const TableSchemaPtr& schema, bool rows, Counts* counts,
             uint64_t* memory) {
  std::vector<std::unique_ptr<PieceSource>> sources;
  const ScanOptions scan = ScanWithin(kReadBytes, sstables.size());
  for (const Sstable* sstable : sstables) {
    ASSIGN_OR_RETURN(auto source, SstableSource::Open(sstable, schema, scan));
    sources.push_back(std::move(source));
  }
  ASSIGN_OR_RETURN(const auto merge, TableMerge::Open(std::move(sources), schema));
  LiveRows live(schema, UnixSeconds{4'000'000'000});
  for (uint64_t pieces = 0;; ++pieces) {
    ASSIGN_OR_RETURN(const SstablePiece* const piece, merge->Next());
    if (piece == nullptr) return {};
    if (pieces % 16384 == 100) *memory = std::max(*memory, AnonymousMemory());
    if (rows) {
      TRY(live.Take(*piece, *counts));
    } else {
      counts->Visit(piece->mutation);
    }
  }
}

Status Run(int passes, const std::string& what, const std::vector<std::string>& directories) {
  std::vector<SstableSet> sets;
  std::vector<const Sstable*> sstables;
  uint64_t bytes = 0;
  for (const std::string& directory : directories) {
    ASSIGN_OR_RETURN(SstableSet set, SstableSet::Open({directory}));
    for (const auto& sstable : set.sstables()) sstables.push_back(sstable.get());
    bytes += set.data_bytes();
    sets.push_back(std::move(set));
  }
  if (sstables.empty()) return NotFound("these directories have no SSTables");
  const TableSchemaPtr schema = SchemaOfHeader(sstables.front()->header(), "k", "t", TableId{}, {});
  Counts counts;
  uint64_t memory = 0;
  double best = 1e9;
  for (int pass = 0; pass < passes; ++pass) {
    counts = {};
    const auto start = std::chrono::steady_clock::now();
    if (what == "scan") {
      for (const Sstable* sstable : sstables) TRY(Merge({sstable}, schema, false, &counts, &memory));
    } else {
      TRY(Merge(sstables, schema, what == "rows", &counts, &memory));
    }
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  fmt::print(R"({{"rows":{},"cells":{},"bytes":{},"seconds":{:.6f},"memory":{},"sink":{}}})"
             "\n",
             counts.rows, counts.cells, bytes, best, memory * 1024, counts.sink % 10);
  return {};
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) {
  const std::string what = argc < 4 ? "" : argv[2];
  if (what != "scan" && what != "merge" && what != "rows") {
    fmt::print(stderr, "usage: braid_backfill_merge PASSES scan|merge|rows TABLE_DIRECTORY…\n");
    return 2;
  }
  const braid::Status status = braid::Run(std::max(1, std::atoi(argv[1])), what, {argv + 3, argv + argc});
  if (status.has_value()) return 0;
  fmt::print(stderr, "braid_backfill_merge: {}\n", status.error().message);
  return 1;
}
