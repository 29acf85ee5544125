// Scans the SSTables of the directories named, one after another in one thread, and visits every cell: what
// `bench/run --only sstable` compares with Cassandra's own scanner. Prints a JSON line: what was counted in one pass,
// the seconds of the best of the passes and the anonymous memory at its greatest.
//
//   braid_sstable_scan PASSES TABLE_DIRECTORY…
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "cassandra/sstable/open_set.h"
#include "cassandra/sstable/scan.h"

namespace braid {
namespace {

struct Counts {
  uint64_t partitions = 0;
  uint64_t rows = 0;
  uint64_t cells = 0;
  uint64_t bytes = 0;
  uint64_t sink = 0;  // so that the compiler leaves nothing out
};

void Visit(const RowUpdate& row, Counts* counts) {
  for (const Cell& cell : row.cells) {
    ++counts->cells;
    counts->sink += static_cast<uint64_t>(cell.at.us) + cell.value.size();
  }
}

// Kilobytes of anonymous memory.
uint64_t AnonymousMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoull(line.substr(8));
  }
  return 0;
}

Status Scan(const Sstable& sstable, Counts* counts, uint64_t* memory) {
  const TableSchemaPtr schema = SchemaOfHeader(sstable.header(), "k", "t", TableId{}, {});
  ASSIGN_OR_RETURN(const auto scanner, SstableScanner::Open(&sstable, schema));
  for (uint64_t pieces = 0;; ++pieces) {
    ASSIGN_OR_RETURN(const SstablePiece* const piece, scanner->Next());
    if (piece == nullptr) break;
    if (pieces % 65536 == 100) *memory = std::max(*memory, AnonymousMemory());
    if (piece->first) ++counts->partitions;
    if (piece->mutation.static_row != nullptr) Visit(*piece->mutation.static_row, counts);
    counts->rows += piece->mutation.rows.size();
    for (const RowUpdate& row : piece->mutation.rows) Visit(row, counts);
  }
  counts->bytes += scanner->length();
  return {};
}

Status Run(int passes, const std::vector<std::string>& directories) {
  ASSIGN_OR_RETURN(const SstableSet set, SstableSet::Open(directories));
  Counts counts;
  uint64_t memory = 0;
  double best = 1e9;
  for (int pass = 0; pass < passes; ++pass) {
    counts = {};
    const auto start = std::chrono::steady_clock::now();
    for (const auto& sstable : set.sstables()) TRY(Scan(*sstable, &counts, &memory));
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  fmt::print(R"({{"partitions":{},"rows":{},"cells":{},"bytes":{},"seconds":{:.6f},"memory":{},"sink":{}}})"
             "\n",
             counts.partitions, counts.rows, counts.cells, counts.bytes, best, memory * 1024, counts.sink % 10);
  return {};
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: braid_sstable_scan PASSES TABLE_DIRECTORY…\n");
    return 2;
  }
  const braid::Status status = braid::Run(std::max(1, std::atoi(argv[1])), {argv + 2, argv + argc});
  if (status.has_value()) return 0;
  fmt::print(stderr, "braid_sstable_scan: {}\n", status.error().message);
  return 1;
}
