// Column ids are permanent, so that they do not follow the order in which Cassandra writes columns: whatever ids a
// definition has, all readers must find the same in real logs and files, and give it by id.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <tuple>

#include "base/check.h"
#include "cassandra/commitlog/file_name.h"
#include "cassandra/commitlog/walk.h"
#include "cassandra/schema/schema.h"
#include "cassandra/sstable/directory.h"
#include "cassandra/sstable/scan.h"
#include "codec/schema.h"

namespace braid {
namespace {

namespace fs = std::filesystem;

fs::path Source() {
  return fs::path(__FILE__).parent_path().parent_path();
}

// The same table, its columns numbered otherwise.
TableSchemaPtr Shuffled(const TableSchema& schema, std::mt19937* random) {
  auto shuffled = std::make_shared<TableSchema>(schema);
  std::shuffle(shuffled->columns.begin(), shuffled->columns.end(), *random);
  for (size_t i = 0; i < shuffled->columns.size(); ++i) shuffled->columns[i].id = {static_cast<uint16_t>(i)};
  shuffled->IndexColumns();
  shuffled->id = ComputeSchemaId(*shuffled);
  return shuffled;
}

class Tables : public TableLookup {
 public:
  void Add(TableSchemaPtr schema) { tables_[schema->table_id] = std::move(schema); }
  const TableSchema* FindTable(const TableId& id) const override {
    const auto found = tables_.find(id);
    return found == tables_.end() ? nullptr : found->second.get();
  }

 private:
  std::map<TableId, TableSchemaPtr> tables_;
};

// What a row says, by the names of its columns; owns its bytes.
using CellFacts = std::tuple<std::string, CellKind, int32_t, WriteTime, UnixSeconds, std::string, std::string>;
struct RowFacts {
  std::string key;
  std::string clustering;
  Liveness liveness;
  Deletion deletion;
  std::map<std::string, Deletion> complex;
  std::map<std::string, std::vector<CellFacts>> cells;  // those of a column as they come
  bool operator==(const RowFacts&) const = default;
};
struct PartitionFacts {
  std::string key;
  Deletion deletion;
  std::vector<RowFacts> rows;  // the static row, if any, first
  size_t ranges = 0;
  bool operator==(const PartitionFacts&) const = default;
};

RowFacts FactsOf(const TableSchema& schema, const RowUpdate& row) {
  RowFacts facts{.key = std::string(row.key),
                 .clustering = std::string(row.clustering),
                 .liveness = row.liveness,
                 .deletion = row.deletion,
                 .complex = {},
                 .cells = {}};
  for (size_t i = 0; i < row.complex_deletions.size(); ++i) {
    const ComplexDeletion& deletion = row.complex_deletions[i];
    EXPECT_TRUE(i == 0 || row.complex_deletions[i - 1].column < deletion.column) << schema.FullName();
    facts.complex[schema.column(deletion.column).name] = deletion.deletion;
  }
  for (size_t i = 0; i < row.cells.size(); ++i) {
    const Cell& cell = row.cells[i];
    const Column& column = schema.column(cell.column);
    if (i > 0) {
      EXPECT_LE(row.cells[i - 1].column, cell.column) << schema.FullName();
      if (!column.multi_cell()) {
        EXPECT_NE(row.cells[i - 1].column, cell.column) << schema.FullName();
      }
    }
    facts.cells[column.name].emplace_back(column.name, cell.kind, cell.ttl_s, cell.at, cell.local_deletion,
                                          std::string(cell.path), std::string(cell.value));
  }
  return facts;
}

PartitionFacts FactsOf(const Mutation& mutation) {
  PartitionFacts facts{.key = std::string(mutation.partition_key),
                       .deletion = mutation.partition_deletion,
                       .rows = {},
                       .ranges = mutation.ranges.size()};
  if (mutation.static_row != nullptr) facts.rows.push_back(FactsOf(*mutation.schema, *mutation.static_row));
  for (const RowUpdate& row : mutation.rows) facts.rows.push_back(FactsOf(*mutation.schema, row));
  return facts;
}

std::vector<PartitionFacts> ReadLogs(const fs::path& directory, const TableLookup& tables) {
  std::vector<PartitionFacts> facts;
  MutationDecoder decoder(&tables);
  for (const auto& entry : fs::directory_iterator(directory)) {
    const auto name = ParseSegmentFileName(entry.path().string());
    if (!name.has_value() || name->cdc_index) continue;
    const auto source = OpenFile(entry.path().string());
    CHECK(source.has_value());
    const LogVisitor visitor{.on_mutation =
                                 [&](const DecodedMutation& decoded, ByteView) {
                                   for (const Mutation& part : decoded.transaction.mutations) {
                                     facts.push_back(FactsOf(part));
                                   }
                                 },
                             .on_problem = [](const LogProblem&) { return true; }};
    const Status walked = WalkSegment(**source, NodeIndex{}, {}, &decoder, visitor);
    EXPECT_TRUE(walked.has_value()) << walked.error().message;
  }
  return facts;
}

std::vector<PartitionFacts> ReadSstable(const Descriptor& descriptor, const TableSchemaPtr& schema) {
  std::vector<PartitionFacts> facts;
  const auto sstable = Sstable::Open(descriptor);
  CHECK(sstable.has_value());
  const auto scanner = SstableScanner::Open(sstable->get(), schema);
  EXPECT_TRUE(scanner.has_value()) << scanner.error().message;
  if (!scanner.has_value()) return facts;
  for (;;) {
    const auto piece = (*scanner)->Next();
    EXPECT_TRUE(piece.has_value()) << piece.error().message;
    if (!piece.has_value() || *piece == nullptr) return facts;
    facts.push_back(FactsOf((*piece)->mutation));
  }
}

// Reads the logs by the definitions in `data` and by others of the same tables.
void CheckLogs(const fs::path& segments, const fs::path& data) {
  const auto schema = ReadSchema({data.string()}, ComputeSchemaId);
  ASSERT_TRUE(schema.has_value()) << schema.error().message;
  Tables plain;
  for (const TableInfo& info : schema->tables()) {
    if (info.schema != nullptr) plain.Add(info.schema);
  }
  const std::vector<PartitionFacts> expected = ReadLogs(segments, plain);
  size_t cells = 0;
  for (const PartitionFacts& partition : expected) {
    for (const RowFacts& row : partition.rows) cells += row.cells.size();
  }
  EXPECT_GT(cells, 20u);
  for (unsigned seed = 1; seed <= 8; ++seed) {
    std::mt19937 random(seed);
    Tables shuffled;
    for (const TableInfo& info : schema->tables()) {
      if (info.schema != nullptr) shuffled.Add(Shuffled(*info.schema, &random));
    }
    ASSERT_TRUE(ReadLogs(segments, shuffled) == expected) << segments << " seed " << seed;
  }
}

void CheckSstable(const Descriptor& descriptor, const TableSchemaPtr& schema) {
  const std::vector<PartitionFacts> expected = ReadSstable(descriptor, schema);
  EXPECT_FALSE(expected.empty());
  for (unsigned seed = 1; seed <= 8; ++seed) {
    std::mt19937 random(seed);
    ASSERT_TRUE(ReadSstable(descriptor, Shuffled(*schema, &random)) == expected) << descriptor.Base();
  }
}

TEST(ColumnOrderTest, LogsAreReadByAnyIds) {
  for (const auto& entry : fs::directory_iterator(Source().parent_path() / "tests/corpus/tiny")) {
    CheckLogs(entry.path(), entry.path() / "data");
  }
}

TEST(ColumnOrderTest, SstablesAreReadByAnyIds) {
  size_t columns = 0;
  for (const auto& entry : fs::directory_iterator(Source() / "cassandra/sstable/testdata")) {
    if (!entry.is_directory()) continue;
    const auto sstables = ListSstables(entry.path().string());
    ASSERT_TRUE(sstables.has_value()) << sstables.error().message;
    for (const Descriptor& descriptor : *sstables) {
      const auto sstable = Sstable::Open(descriptor);
      ASSERT_TRUE(sstable.has_value()) << sstable.error().message;
      const TableSchemaPtr schema = SchemaOfHeader((*sstable)->header(), "k", "t", TableId{}, {});
      columns += schema->regulars.size() + schema->statics.size();
      CheckSstable(descriptor, schema);
    }
  }
  EXPECT_GT(columns, 20u);
}

}  // namespace
}  // namespace braid
