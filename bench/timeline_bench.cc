// A timeline partition on a real disk: what a commit of few and of many records costs, how fast readers read, all
// tables or one of ten, and how fast they find a number in a segment of 64 MiB.
//
//   TMPDIR=/the/disk build/release/bench/braid_timeline_bench
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/file_system.h"
#include "codec/schema.h"
#include "timeline/reader.h"
#include "timeline/writer.h"

namespace braid {
namespace {

constexpr size_t kTables = 10;
constexpr size_t kColumns = 8;
constexpr size_t kValueBytes = 12;

// A directory that goes with it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "braid_timeline_XXXXXX").string();
    CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Makes updates of one column in rows of about 100 bytes, whose values are half random.
class Story {
 public:
  Story() : before_values_(kColumns), after_values_(kColumns), values_(1 << 16, 'v') {
    for (size_t i = 0; i < values_.size(); i += 2) values_[i] = static_cast<char>(random_());
    for (size_t t = 0; t < kTables; ++t) {
      TableSchema& schema = schemas_.emplace_back();
      schema.table_id.bytes[0] = static_cast<uint8_t>(t + 1);
      schema.keyspace = "bench";
      schema.table = "t" + std::to_string(t);
      schema.columns.resize(kColumns + 1);
      for (size_t i = 0; i < schema.columns.size(); ++i) {
        schema.columns[i].id.value = static_cast<uint16_t>(i);
        schema.columns[i].name = std::string(1, static_cast<char>('a' + i));
        schema.columns[i].kind = i == 0 ? ColumnKind::kPartitionKey : ColumnKind::kRegular;
        schema.columns[i].type = SimpleType(TypeKind::kBlob);
      }
      schema.IndexColumns();
      schema.id = ComputeSchemaId(schema);
    }
  }

  const Change& Next() {
    const uint64_t i = ++made_;
    change_.schema = &schemas_[random_() % kTables];
    StoreBigEndian(key_, i);
    change_.partition_key = {key_, sizeof(key_)};
    change_.ts = WriteTime{1'700'000'000'000'000 + static_cast<int64_t>(i)};
    change_.origin = {NodeIndex{0}, SegmentId{1}, i};
    change_.revision = 2;
    for (size_t c = 0; c < kColumns; ++c) {
      const ByteView value = ByteView(values_).substr((i * 31 + c * 977) % (values_.size() - kValueBytes), kValueBytes);
      before_values_[c] = after_values_[c] = {ColumnId{static_cast<uint16_t>(c + 1)}, false, value};
    }
    after_values_[0].value = ByteView(values_).substr(i % 1000, kValueBytes);
    before_.columns = before_values_;
    after_.columns = after_values_;
    change_.before = &before_;
    change_.after = &after_;
    change_.written = {&after_values_[0].column, 1};
    return change_;
  }

 private:
  std::mt19937_64 random_;
  std::vector<TableSchema> schemas_;
  std::vector<ColumnValue> before_values_;
  std::vector<ColumnValue> after_values_;
  std::string values_;
  char key_[8];
  Image before_;
  Image after_;
  Change change_;
  uint64_t made_ = 0;
};

std::unique_ptr<TimelineWriter> OpenWriter(const TemporaryDirectory& directory) {
  return *TimelineWriter::Open(PosixFileSystem(), {.directory = directory.path()}, 1);
}

void Commit(size_t records, Story* story, TimelineWriter* writer) {
  for (size_t i = 0; i < records; ++i) writer->Append(story->Next());
  CHECK(writer->Sync(static_cast<int64_t>(writer->end())).has_value());
  CHECK(writer->Publish().has_value());
}

// The argument: records in a commit.
void BM_Commit(benchmark::State& state) {
  const TemporaryDirectory directory;
  const auto writer = OpenWriter(directory);
  Story story;
  for (auto _ : state) Commit(static_cast<size_t>(state.range(0)), &story, writer.get());
  const auto records = static_cast<double>(writer->stats().appended);
  state.counters["records/s"] = benchmark::Counter(records, benchmark::Counter::kIsRate);
  state.counters["bytes/record"] = static_cast<double>(writer->stats().bytes) / records;
}
BENCHMARK(BM_Commit)->Arg(1)->Arg(10)->Arg(1000)->UseRealTime()->Unit(benchmark::kMicrosecond);

// 400,000 records. The arguments: records in a commit; 1: one table of ten is read.
void BM_Read(benchmark::State& state) {
  constexpr uint64_t kRecords = 400'000;
  const TemporaryDirectory directory;
  const auto writer = OpenWriter(directory);
  Story story;
  const auto batch = static_cast<size_t>(state.range(0));
  while (writer->end() <= kRecords) Commit(batch, &story, writer.get());
  TimelineReader::Options options{.directory = directory.path()};
  if (state.range(1) == 1) options.wanted = [](const TableSchema& schema) { return schema.table == "t3"; };
  uint64_t records = 0;
  for (auto _ : state) {
    const auto reader = *TimelineReader::Open(PosixFileSystem(), options);
    while (*reader->Next() != nullptr) ++records;
  }
  state.counters["given/s"] = benchmark::Counter(static_cast<double>(records), benchmark::Counter::kIsRate);
  state.counters["passed/s"] = benchmark::Counter(static_cast<double>(state.iterations() * writer->stats().appended),
                                                  benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Read)->Args({1000, 0})->Args({1000, 1})->Args({50, 0})->Args({50, 1})->Unit(benchmark::kMillisecond);

// A fresh reader goes to a record anywhere in a segment of 64 MiB and reads it.
void BM_Seek(benchmark::State& state) {
  const TemporaryDirectory directory;
  const auto writer = OpenWriter(directory);
  Story story;
  while (writer->stats().bytes < uint64_t{63} << 20) Commit(50, &story, writer.get());
  if (state.range(0) == 0) std::filesystem::remove(directory.path() + "/00000000000000000001.idx");
  std::mt19937_64 random;
  for (auto _ : state) {
    const auto reader = *TimelineReader::Open(PosixFileSystem(), {.directory = directory.path()});
    CHECK(reader->Seek(1 + random() % (writer->end() - 1)).has_value());
    CHECK(reader->Next().has_value());
  }
}
BENCHMARK(BM_Seek)->ArgName("index")->Arg(1)->Arg(0)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace braid
