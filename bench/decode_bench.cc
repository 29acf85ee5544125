// How fast commit logs are decoded, in the shape of the log that Cassandra's own reader was measured on: one table with
// a uuid and a timeuuid as key and 8 columns, 60% inserts of all and 40% updates of two.
//
// To compare, run `braid inspect commitlog --count` and tests/recorder/dump.py with --count on one recording; this one
// needs no recording and so is for comparing a change with what was before it.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "cassandra/commitlog/dump.h"
#include "cassandra/commitlog/segment_test_util.h"
#include "cassandra/rows/rows_test_util.h"
#include "model/schema.h"

namespace braid {
namespace {

constexpr int64_t kStartUs = 1763712000000000;
constexpr std::array kColumns = {"actor", "count", "flag", "note", "price", "rating", "seen", "title"};

TableSchema EventsTable() {
  TableSchema schema;
  schema.table_id = TableId::FromBytes("0123456789abcdef");
  schema.keyspace = "bench";
  schema.table = "events";
  const auto add = [&](const char* name, ColumnKind kind, TypeKind type) {
    Column column;
    column.id = {static_cast<uint16_t>(schema.columns.size())};
    column.name = name;
    column.kind = kind;
    column.type = SimpleType(type);
    schema.columns.push_back(column);
  };
  add("id", ColumnKind::kPartitionKey, TypeKind::kUuid);
  add("at", ColumnKind::kClustering, TypeKind::kTimeuuid);
  constexpr std::array kTypes = {TypeKind::kText,   TypeKind::kBigint, TypeKind::kBoolean,   TypeKind::kText,
                                 TypeKind::kDouble, TypeKind::kInt,    TypeKind::kTimestamp, TypeKind::kText};
  for (size_t i = 0; i < kColumns.size(); ++i) add(kColumns[i], ColumnKind::kRegular, kTypes[i]);
  schema.IndexColumns();
  return schema;
}

class OneTable : public TableLookup {
 public:
  const TableSchema* FindTable(const TableId& id) const override { return id == table_.table_id ? &table_ : nullptr; }

 private:
  TableSchema table_ = EventsTable();
};

std::string RandomBytes(std::mt19937_64* random, size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>((*random)());
  return bytes;
}

std::string RandomTimeuuid(std::mt19937_64* random) {
  std::string bytes = RandomBytes(random, 16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0F) | 0x10);
  bytes[8] = static_cast<char>((bytes[8] & 0x3F) | 0x80);
  return bytes;
}

// A mutation of one row as Cassandra writes it: an INSERT of all columns, or an UPDATE of two.
std::string RowMutation(std::mt19937_64* random, int64_t now_us, bool insert) {
  RowBytes out;
  out.Vint(1).Raw("0123456789abcdef").Text(RandomBytes(random, 16)).U8(0x10).Stats(now_us);
  const size_t first = insert ? 0 : (*random)() % (kColumns.size() - 1);
  const size_t count = insert ? kColumns.size() : 2;
  out.Columns({kColumns.begin() + first, kColumns.begin() + first + count});
  out.Vint(1).U8(insert ? 0x24 : 0x20).Vint(0).Raw(RandomTimeuuid(random));
  if (insert) out.Vint(0);
  constexpr std::array<int, 8> kLengths = {-8, 8, 1, -10, 8, 4, 8, -6};  // negative: a text of that length
  for (size_t i = first; i < first + count; ++i) {
    out.U8(insert ? 0x08 : 0x00);
    if (!insert) out.Vint(0);
    const std::string value = RandomBytes(random, static_cast<size_t>(std::abs(kLengths[i])));
    kLengths[i] < 0 ? out.Text(value) : out.Raw(value);
  }
  return out.U8(0x01).bytes();
}

std::string EventsLog(std::optional<Compression> compression, size_t mutations) {
  std::mt19937_64 random(842);
  SegmentBuilder segment(7, 5, compression);
  std::vector<std::string> payloads;
  for (size_t i = 0; i < mutations; ++i) {
    payloads.push_back(RowMutation(&random, kStartUs + static_cast<int64_t>(i), random() % 10 < 6));
    if (payloads.size() == 2000) {
      segment.Section(payloads);
      payloads.clear();
    }
  }
  return segment.Section(payloads).Bytes(8);
}

void DecodeLog(benchmark::State& state, std::optional<Compression> compression) {
  const MemorySource source("log", EventsLog(compression, 100'000));
  const OneTable tables;
  MutationDecoder decoder(&tables);
  DumpCounts counts;
  for (auto _ : state) counts = CountCommitLogs({&source}, {}, &decoder).value();
  state.counters["mutations/s"] =
      benchmark::Counter(static_cast<double>(counts.mutations * state.iterations()), benchmark::Counter::kIsRate);
  state.counters["bytes/mutation"] = static_cast<double>(counts.bytes) / static_cast<double>(counts.mutations);
  state.counters["cells/mutation"] = static_cast<double>(counts.cells) / static_cast<double>(counts.mutations);
}

BENCHMARK_CAPTURE(DecodeLog, plain, std::nullopt)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(DecodeLog, lz4, Compression::kLz4)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(DecodeLog, zstd, Compression::kZstd)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braid
