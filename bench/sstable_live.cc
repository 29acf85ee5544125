// Opens a table's SSTables again and again while tests/recorder/bulk/LiveTable.java flushes and compacts them, and
// judges each set by what the file FLUSHED had told before it was opened. Prints what it counted; exits 1 if a set was
// wrong.
//
//   braid_sstable_live FLUSHED SECONDS TABLE_DIRECTORY…
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "cassandra/sstable/open_set.h"
#include "cassandra/sstable/scan.h"

namespace braid {
namespace {

// As LiveTable has them.
constexpr int32_t kKeys = 50;
constexpr int32_t kFirstDeleted = 1000;

struct Counts {
  uint64_t sets = 0;
  uint64_t sstables = 0;
  uint64_t pauses = 0;
  uint64_t busy = 0;   // sets that the node gave no time for
  uint64_t wrong = 0;  // and everything else that must not be
};

// The greatest timestamps of a key's values and deletions.
struct Times {
  int64_t written = 0;
  int64_t deleted = 0;
};

void Wrong(const std::string& what, Counts* counts) {
  if (++counts->wrong <= 20) fmt::print("WRONG: {}\n", what);
}

Status Take(const Sstable& sstable, std::map<int32_t, Times>* times) {
  const TableSchemaPtr schema = SchemaOfHeader(sstable.header(), "bench", "live", TableId{}, {});
  ASSIGN_OR_RETURN(const auto scanner, SstableScanner::Open(&sstable, schema));
  for (;;) {
    ASSIGN_OR_RETURN(const SstablePiece* const piece, scanner->Next());
    if (piece == nullptr) return {};
    const Mutation& mutation = piece->mutation;
    Times& of_key = (*times)[LoadBigEndian<int32_t>(mutation.partition_key.data())];
    of_key.deleted = std::max(of_key.deleted, mutation.partition_deletion.at.us);
    for (const RowUpdate& row : mutation.rows) {
      for (const Cell& cell : row.cells) of_key.written = std::max(of_key.written, cell.at.us);
    }
  }
}

void Judge(const SstableSet& set, int64_t flushed, Counts* counts) {
  std::map<int32_t, Times> times;
  for (const UnreadableSstable& unreadable : set.unreadable()) Wrong(unreadable.error.message, counts);
  for (const auto& sstable : set.sstables()) {
    const Status taken = Take(*sstable, &times);
    if (!taken.has_value()) Wrong(taken.error().message, counts);
  }
  for (int32_t key = 0; key < kKeys; ++key) {
    if (times[key].written < flushed * 1000) {
      Wrong(fmt::format("key {} has {}, and round {} was flushed", key, times[key].written, flushed), counts);
    }
  }
  for (const auto& [key, of_key] : times) {
    // Its deletion was flushed a round later than the key itself.
    if (key > kFirstDeleted && key - kFirstDeleted < flushed && of_key.deleted < of_key.written) {
      Wrong(fmt::format("key {} is back, in round {}", key, flushed), counts);
    }
  }
  ++counts->sets;
  counts->sstables += set.sstables().size();
}

int64_t ReadNumber(const std::string& path) {
  std::ifstream file(path);
  int64_t number = 0;
  file >> number;
  return number;
}

Counts Run(const std::string& told, std::chrono::seconds duration, const std::vector<std::string>& directories) {
  const auto sleep = [](int64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); };
  const auto start = std::chrono::steady_clock::now();
  Counts counts;
  SstableSetOptions options;
  options.pause = [&](int64_t ms) {
    ++counts.pauses;
    sleep(ms);
  };
  while (std::chrono::steady_clock::now() - start < duration) {
    const int64_t flushed = ReadNumber(told);
    std::vector<std::string> there;
    std::copy_if(directories.begin(), directories.end(), std::back_inserter(there),
                 [](const std::string& directory) { return std::filesystem::exists(directory); });
    if (flushed == 0 || there.empty()) {  // not yet
      sleep(20);
      continue;
    }
    const auto set = SstableSet::Open(there, options);
    if (set.has_value()) {
      Judge(*set, flushed, &counts);
    } else if (set.error().code == ErrorCode::kTransient) {
      ++counts.busy;
    } else {
      Wrong(set.error().message, &counts);
    }
  }
  return counts;
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "usage: braid_sstable_live FLUSHED SECONDS TABLE_DIRECTORY…\n");
    return 2;
  }
  const braid::Counts counts = braid::Run(argv[1], std::chrono::seconds(std::atoi(argv[2])), {argv + 3, argv + argc});
  fmt::print("{} sets of {} SSTables, {} pauses, {} times too busy, {} wrong\n", counts.sets, counts.sstables,
             counts.pauses, counts.busy, counts.wrong);
  return counts.sets > 0 && counts.wrong == 0 ? 0 : 1;
}
