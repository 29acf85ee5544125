// Reconciling three replicas' copies of inserts of 200-byte rows, against what a pipeline without it would do at least:
// a get and a put in RocksDB for each mutation. Same memory, same durability: batches of 500, without a write-ahead log
// or, with BRAID_BENCH_WAL=1, with one that nobody waits for.
//
//   BRAID_BENCH_ROWS=10000000 build/release/bench/braid_reconcile_bench
//
// The argument is how far apart the copies are, in mutations of one replica.
#include <benchmark/benchmark.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>

#include "base/check.h"
#include "codec/row_state.h"
#include "reconcile/memory/memory_state.h"
#include "reconcile/reconciler.h"
#include "reconcile/rocksdb/rocks_state.h"

namespace braid {
namespace {

constexpr size_t kColumns = 8;
constexpr size_t kValueBytes = 25;
constexpr uint64_t kMemory = uint64_t{256} << 20;
constexpr uint64_t kBatch = 500;
constexpr uint64_t kLiveMemory = uint64_t{64} << 20;
constexpr uint64_t kLiveCommit = uint64_t{2} << 20;

uint64_t Rows() {
  const char* text = std::getenv("BRAID_BENCH_ROWS");
  return text == nullptr ? 300'000 : std::strtoull(text, nullptr, 10);
}

bool WriteAheadLog() {
  return std::getenv("BRAID_BENCH_WAL") != nullptr;
}

// Makes the mutations, each anew over the last: row i is an insert at time i under a scattered key.
class Story {
 public:
  Story() : values_(1 << 20, '\0'), cells_(kColumns) {
    uint64_t random = 1;
    for (char& byte : values_)
      byte = static_cast<char>((random = random * 6364136223846793005u + 1442695040888963407u) >> 56);
    schema_.columns.resize(kColumns + 1);
    for (size_t i = 0; i < schema_.columns.size(); ++i) {
      schema_.columns[i].id.value = static_cast<uint16_t>(i);
      schema_.columns[i].name = std::string(1, static_cast<char>('a' + i));
      schema_.columns[i].kind = i == 0 ? ColumnKind::kPartitionKey : ColumnKind::kRegular;
      schema_.columns[i].type = SimpleType(TypeKind::kBlob);
    }
    schema_.IndexColumns();
  }

  enum class Table : uint8_t { kPartitions = 0, kRows = 1, kUpdates = 2 };
  // What At tells from now on; updates are of rows 0 to `rows`, after all that was told before.
  void Use(Table table, uint64_t rows) {
    table_ = table;
    rows_ = rows;
  }

  const Mutation& At(uint64_t i, uint16_t node) {
    uint64_t row = i;
    WriteTime at{1'700'000'000'000'000 + static_cast<int64_t>(i)};
    row_.key = {};
    if (table_ == Table::kRows) {
      row = i % 1000 + i / 100'000 * 1000;
      StoreBigEndian(row_key_, static_cast<uint32_t>(i));
      row_.key = row_.clustering = {row_key_, sizeof(row_key_)};
    } else if (table_ == Table::kUpdates) {
      row = (i * 0xD1342543DE82EF95u >> 20) % rows_;
      at.us += static_cast<int64_t>(rows_);
    }
    const uint64_t scattered = row * 0x9E3779B97F4A7C15u;
    StoreBigEndian(key_, scattered);
    StoreBigEndian(key_ + 8, row);
    for (size_t c = 0; c < kColumns; ++c) {
      cells_[c].column.value = static_cast<uint16_t>(c + 1);
      cells_[c].at = at;
      cells_[c].value = ByteView(values_).substr((i * 31 + c * 977) % (values_.size() - kValueBytes), kValueBytes);
    }
    row_.liveness.at = table_ == Table::kUpdates ? WriteTime{} : at;
    row_.cells = table_ == Table::kUpdates ? std::span<const Cell>(cells_).subspan(i % 4, 2) : cells_;
    mutation_.schema = &schema_;
    mutation_.token.value = static_cast<int64_t>(scattered);
    mutation_.partition_key = {key_, sizeof(key_)};
    mutation_.rows = {&row_, 1};
    mutation_.position = {NodeIndex{node}, SegmentId{1}, i};
    return mutation_;
  }

  // Calls `take` for every mutation of `replicas` nodes, whose copies are `apart` mutations apart.
  template <typename Take>
  void Tell(uint64_t rows, uint16_t replicas, uint64_t apart, Take take) {
    for (uint64_t step = 0; step < rows + apart * (replicas - 1u); ++step) {
      for (uint16_t node = 0; node < replicas; ++node) {
        const uint64_t lag = apart * node;
        if (step >= lag && step - lag < rows) take(At(step - lag, node));
      }
    }
  }

 private:
  TableSchema schema_;
  std::string values_;
  char key_[16];
  char row_key_[4];
  Table table_ = Table::kPartitions;
  uint64_t rows_ = 0;
  std::vector<Cell> cells_;
  RowUpdate row_;
  Mutation mutation_;
};

uint64_t ProcessNanoseconds() {
  timespec used{};
  CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0);
  return static_cast<uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(used.tv_nsec);
}

class CountingSink : public ChangeSink {
 public:
  Status Emit(const Change& change) override {
    benchmark::DoNotOptimize(change.after->columns.size());
    ++changes;
    return {};
  }
  uint64_t changes = 0;
};

// Ends the program with the error's message, if it is one.
void Require(const Status& status) {
  if (status.has_value()) return;
  std::fprintf(stderr, "%s\n", status.error().message.c_str());
  std::exit(1);
}

// A new directory of this process, gone at the end of its life.
class Scratch {
 public:
  Scratch() : path_(std::filesystem::temp_directory_path() / ("braid_reconcile_bench." + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string path() const { return path_.string(); }

 private:
  const std::filesystem::path path_;
};

// Distances: next to each other, as at 100 k/s 0.1 s and 1 s apart, and all of one replica before the next.
void Distances(benchmark::internal::Benchmark* bench) {
  for (const int64_t apart : {int64_t{10'000}, int64_t{100'000}, static_cast<int64_t>(Rows())}) bench->Arg(apart);
  bench->Iterations(1)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();
}

// Processor time of the whole process, RocksDB's threads too: what counts on a machine that does other work.
void Report(benchmark::State& state, uint64_t mutations) {
  state.counters["mutations/s"] = benchmark::Counter(static_cast<double>(mutations), benchmark::Counter::kIsRate);
}

void NaiveRocksDb(benchmark::State& state) {
  Story story;
  for (auto _ : state) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.write_buffer_size = kMemory / 8;
    options.max_background_jobs = 2;
    options.compression = rocksdb::kLZ4Compression;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(kMemory * 3 / 4);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    const Scratch scratch;
    rocksdb::DB* opened = nullptr;
    CHECK(rocksdb::DB::Open(options, scratch.path(), &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    rocksdb::WriteOptions write;
    write.disableWAL = !WriteAheadLog();
    rocksdb::WriteBatch batch;
    uint64_t mutations = 0;
    std::string value;
    std::string row;
    story.Tell(Rows(), 3, static_cast<uint64_t>(state.range(0)), [&](const Mutation& mutation) {
      const rocksdb::Slice key(mutation.partition_key.data(), mutation.partition_key.size());
      (void)db->Get({}, key, &value);
      row.clear();
      for (const Cell& cell : mutation.rows[0].cells) row += cell.value;
      (void)batch.Put(key, row);
      if (++mutations % kBatch == 0) {
        CHECK(db->Write(write, &batch).ok());
        batch.Clear();
      }
    });
    CHECK(db->Write(write, &batch).ok());
    Report(state, mutations);
  }
}
BENCHMARK(NaiveRocksDb)->Apply(Distances);

void ReconcileOnRocksState(benchmark::State& state, uint16_t replicas, uint64_t apart) {
  Story story;
  for (auto _ : state) {
    const Scratch scratch;
    RocksState::Options options;
    options.path = scratch.path();
    options.memory_bytes = kMemory / 2;
    options.sync = false;
    options.write_ahead_log = WriteAheadLog();
    const auto rocks = std::move(*RocksState::Open(options));
    Reconciler::Options reconciling;
    reconciling.copy_filter_bytes = kMemory / 2;
    Reconciler reconciler(reconciling, rocks.get());
    CountingSink sink;
    uint64_t mutations = 0;
    story.Tell(Rows(), replicas, apart, [&](const Mutation& mutation) {
      Require(reconciler.Apply(mutation, UnixSeconds{1'700'000'000}, sink));
      if (++mutations % kBatch == 0) Require(rocks->Commit(""));
    });
    Require(rocks->Commit(""));
    CHECK(sink.changes == Rows());
    Report(state, mutations);
  }
}

void OverRocksState(benchmark::State& state) {
  ReconcileOnRocksState(state, 3, static_cast<uint64_t>(state.range(0)));
}
BENCHMARK(OverRocksState)->Apply(Distances);

// To set against the three: what their copies cost. The argument means nothing.
void OneReplica(benchmark::State& state) {
  ReconcileOnRocksState(state, 1, 0);
}
BENCHMARK(OneReplica)->Arg(0)->Iterations(1)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

// As a shard of a live pipeline does it: commits of 2 MiB into a log that the machine's crash may lose, the memory of
// one of a few shards, everything that RocksDB's threads do counted. The first argument is the table:
//   0  inserts, each in a partition of its own
//   1  inserts, a hundred rows to a partition
//   2  updates of two of eight columns, at random over rows that are there
// The second: how far apart the copies are, in mutations of one replica. The third: whether copies are known by hash.
void Live(benchmark::State& state) {
  Story story;
  for (auto _ : state) {
    const Scratch scratch;
    RocksState::Options options;
    options.path = scratch.path();
    options.memory_bytes = kLiveMemory;
    options.sync = false;
    const auto rocks = std::move(*RocksState::Open(options));
    Reconciler::Options reconciling;
    reconciling.copy_filter_bytes = state.range(2) != 0 ? kLiveMemory / 16 : 0;
    Reconciler reconciler(reconciling, rocks.get());
    CountingSink sink;
    uint64_t mutations = 0;
    const auto take = [&](const Mutation& mutation) {
      Require(reconciler.Apply(mutation, UnixSeconds{1'700'000'000}, sink));
      ++mutations;
      if (rocks->pending_bytes() >= kLiveCommit) Require(rocks->Commit(""));
    };
    if (state.range(0) == 2) {
      state.PauseTiming();
      story.Tell(Rows(), 1, 0, take);
      Require(rocks->Commit(""));
      mutations = 0;
      state.ResumeTiming();
    }
    const uint64_t cpu_ns = ProcessNanoseconds();
    story.Use(static_cast<Story::Table>(state.range(0)), Rows());
    story.Tell(Rows(), 3, static_cast<uint64_t>(state.range(1)), take);
    Require(rocks->Commit(""));
    state.counters["cpu_us"] =
        static_cast<double>(ProcessNanoseconds() - cpu_ns) / 1e3 / static_cast<double>(mutations);
    Report(state, mutations);
  }
}
BENCHMARK(Live)
    ->ArgsProduct({{0, 1, 2}, {100, 10'000, 100'000}, {0, 1}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

void OverMemoryState(benchmark::State& state) {
  Story story;
  for (auto _ : state) {
    MemoryState memory;
    Reconciler reconciler({}, &memory);
    CountingSink sink;
    uint64_t mutations = 0;
    story.Tell(Rows(), 3, static_cast<uint64_t>(state.range(0)), [&](const Mutation& mutation) {
      Require(reconciler.Apply(mutation, UnixSeconds{1'700'000'000}, sink));
      ++mutations;
    });
    CHECK(sink.changes == Rows());
    Report(state, mutations);
  }
}
BENCHMARK(OverMemoryState)->Apply(Distances);

// What one absorbed copy costs in memory: the row was seen.
void AbsorbedCopy(benchmark::State& state) {
  Story story;
  MemoryState memory;
  Reconciler reconciler({}, &memory);
  CountingSink sink;
  const uint64_t rows = Rows();
  for (uint64_t i = 0; i < rows; ++i) CHECK(reconciler.Apply(story.At(i, 0), UnixSeconds{0}, sink).has_value());
  uint64_t i = 0;
  for (auto _ : state) {
    CHECK(reconciler.Apply(story.At(i, 1), UnixSeconds{0}, sink).has_value());
    i = (i + 7919) % rows;
  }
}
BENCHMARK(AbsorbedCopy);

// The bytes of state for a row, to set against its data.
void BytesOfState(benchmark::State& state) {
  Story story;
  const Mutation& mutation = story.At(12345, 0);
  RowState row;
  row.liveness = mutation.rows[0].liveness;
  row.cells = mutation.rows[0].cells;
  row.revision = 1;
  row.last_emitted = row.liveness.at;
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    AppendRowState(&bytes, row);
    benchmark::DoNotOptimize(bytes.data());
  }
  state.counters["bytes"] = static_cast<double>(bytes.size());
  state.counters["data"] = kColumns * kValueBytes;
  state.counters["cells"] = kColumns;
}
BENCHMARK(BytesOfState);

}  // namespace
}  // namespace braid
