#include "pipeline/replay/write_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "model/key.h"

namespace braid {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kTs = 1'000'000;
constexpr int64_t kNow = 1000;  // seconds

TableSchemaPtr MakeTable(const std::string& name) {
  auto schema = std::make_shared<TableSchema>();
  schema->keyspace = "k";
  schema->table = name;
  schema->table_id.bytes[15] = static_cast<uint8_t>(name.size());
  const auto add = [&](const char* column, ColumnKind kind, TypePtr type) {
    Column added;
    added.id.value = static_cast<uint16_t>(schema->columns.size());
    added.name = column;
    added.kind = kind;
    added.type = std::move(type);
    schema->columns.push_back(std::move(added));
  };
  add("id", ColumnKind::kPartitionKey, SimpleType(TypeKind::kText));
  add("v", ColumnKind::kRegular, SimpleType(TypeKind::kText));
  add("tags", ColumnKind::kRegular, SetOf(SimpleType(TypeKind::kText), false));
  schema->IndexColumns();
  schema->id = ComputeSchemaId(*schema);
  return schema;
}

constexpr ColumnId kV{1};
constexpr ColumnId kTags{2};

Cell LiveCell(ColumnId column, int64_t at, ByteView value, ByteView path = {}) {
  return Cell{.column = column, .at = {at}, .path = path, .value = value};
}

// A log of one or two tables, and what comes out of it as "table partition@time/copies-so-far".
class WriteLogTest : public ::testing::Test {
 protected:
  void Add(ByteView key, Token token, uint16_t node, const RowUpdate& row, uint32_t table = 0) {
    Mutation mutation;
    mutation.schema = tables_[table].get();
    mutation.token = token;
    mutation.partition_key = key;
    mutation.rows = {&row, 1};
    mutation.position = {{node}, {7}, offset_ += 10};
    ASSERT_TRUE(log().Add(table, mutation).has_value());
  }

  void AddCell(ByteView key, Token token, uint16_t node, const Cell& cell, uint32_t table = 0) {
    RowUpdate row;
    row.cells = {&cell, 1};
    Add(key, token, node, row, table);
  }

  WriteLog& log() {
    if (log_ == nullptr) {
      log_ =
          std::make_unique<WriteLog>(std::vector<const TableSchema*>{tables_[0].get(), tables_[1].get()},
                                     Sorter::Options{.memory_bytes = memory_bytes_, .directory = ::testing::TempDir()});
    }
    return *log_;
  }

  std::vector<std::string> Drain() {
    SchemaSet definitions;
    for (const auto& table : tables_) definitions.Add(table);
    auto reader = log().Finish(definitions, UnixSeconds{kNow});
    EXPECT_TRUE(reader.has_value());
    std::vector<std::string> lines;
    while (true) {
      const auto write = (*reader)->Next();
      EXPECT_TRUE(write.has_value()) << write.error().message;
      if (!write.has_value() || *write == nullptr) break;
      const Mutation& m = **write;
      std::string line = std::to_string((*reader)->table()) + " " + std::string(m.partition_key) + "@";
      for (const Cell& cell : m.rows[0].cells) line += std::to_string(cell.at.us) + std::string(cell.value) + ",";
      line += " n" + std::to_string(m.position.node.value);
      if ((*reader)->new_partition()) line += " new";
      lines.push_back(line);
    }
    copies_ = (*reader)->copies();
    return lines;
  }

  std::vector<TableSchemaPtr> tables_ = {MakeTable("a"), MakeTable("bb")};
  size_t memory_bytes_ = 1 << 20;
  std::unique_ptr<WriteLog> log_;
  uint64_t offset_ = 0;
  uint64_t copies_ = 0;
};

TEST_F(WriteLogTest, CopiesOfAllReplicasAreOneWriteAtTheLeastPosition) {
  for (const uint16_t node : {2, 0, 1}) AddCell("k", {5}, node, LiveCell(kV, kTs, "x"));
  EXPECT_THAT(Drain(), ElementsAre("0 k@1000000x, n0 new"));
  EXPECT_EQ(copies_, 2u);
}

TEST_F(WriteLogTest, FragmentsOfOneWriteAreJoined) {
  AddCell("k", {5}, 1, LiveCell(kV, kTs, "x"));
  AddCell("k", {5}, 0, LiveCell(kTags, kTs, "", "t"));
  EXPECT_THAT(Drain(), ElementsAre("0 k@1000000x,1000000, n0 new"));
}

TEST_F(WriteLogTest, OrdersByTableTokenKeyAndTime) {
  AddCell("b", {5}, 0, LiveCell(kV, kTs, "x"), 1);
  AddCell("b", {5}, 0, LiveCell(kV, kTs, "2"));
  AddCell("b", {-5}, 0, LiveCell(kV, kTs, "1"));
  AddCell("a", {5}, 0, LiveCell(kV, kTs, "late"));
  AddCell("a", {5}, 0, LiveCell(kV, -kTs, "early"));
  AddCell(ByteView("a\0", 2), {5}, 0, LiveCell(kV, kTs, "zero"));
  EXPECT_THAT(Drain(), ElementsAre("0 b@10000001, n0 new", "0 a@-1000000early, n0 new", "0 a@1000000late, n0",
                                   std::string("0 a\0@1000000zero, n0 new", 24), "0 b@10000002, n0 new",
                                   "1 b@1000000x, n0 new"));
}

TEST_F(WriteLogTest, ADeletionLoggedAloneByOneReplicaBelongsToTheWriteThatItMadeRoomFor) {
  const ComplexDeletion emptied{kTags, {{kTs - 1}, {100}}};
  const Cell element = LiveCell(kTags, kTs, "", "t");
  RowUpdate overwrite;
  overwrite.complex_deletions = {&emptied, 1};
  overwrite.cells = {&element, 1};
  Add("k", {5}, 0, overwrite);
  RowUpdate deletion_alone;
  deletion_alone.complex_deletions = {&emptied, 1};
  Add("k", {5}, 1, deletion_alone);
  EXPECT_THAT(Drain(), ElementsAre("0 k@1000000, n0 new"));
}

TEST_F(WriteLogTest, ADeletionOneMicrosecondEarlierOfItsOwnStays) {
  const Cell tombstone{.column = kV, .kind = CellKind::kTombstone, .at = {kTs - 1}, .local_deletion = {100}};
  AddCell("k", {5}, 0, tombstone);
  AddCell("k", {5}, 0, LiveCell(kV, kTs, "x"));
  EXPECT_EQ(Drain().size(), 2u);
}

TEST_F(WriteLogTest, ACopyDeliveredAfterItsTimeToLiveIsStillTheWriteThatItWas) {
  const Cell alive{
      .column = kV, .kind = CellKind::kExpiring, .ttl_s = 60, .at = {kTs}, .local_deletion = {61}, .value = "x"};
  const Cell run_out{.column = kV, .kind = CellKind::kTombstone, .at = {kTs}, .local_deletion = {1}};
  AddCell("k", {5}, 0, alive);
  AddCell("k", {5}, 1, run_out);
  EXPECT_THAT(Drain(), ElementsAre("0 k@1000000x, n0 new"));
}

TEST_F(WriteLogTest, ADeletionAtTheSameTimeWinsOverACellThatCannotHaveRunOut) {
  const Cell alive{
      .column = kV, .kind = CellKind::kExpiring, .ttl_s = 9000, .at = {kTs}, .local_deletion = {9001}, .value = "x"};
  const Cell deleted{.column = kV, .kind = CellKind::kTombstone, .at = {kTs}, .local_deletion = {1}};
  AddCell("k", {5}, 0, alive);
  AddCell("k", {5}, 1, deleted);
  EXPECT_THAT(Drain(), ElementsAre("0 k@1000000, n0 new"));
}

// A counter's context of global shards.
std::string Context(const std::vector<std::pair<char, int64_t>>& shards) {
  std::string context;
  AppendBigEndian(&context, static_cast<int16_t>(shards.size()));
  for (size_t i = 0; i < shards.size(); ++i) AppendBigEndian(&context, static_cast<int16_t>(i - 32768));
  for (const auto& [leader, clock] : shards) {
    context.append(16, leader);
    AppendBigEndian<int64_t>(&context, clock);
    AppendBigEndian<int64_t>(&context, 1);
  }
  return context;
}

TEST_F(WriteLogTest, ARepairedCellOfACountersWriteIsNoWriteOfItsOwn) {
  auto counters = std::make_shared<TableSchema>(*tables_[0]);
  counters->counter = true;
  for (const ColumnId id : {kV, kTags}) counters->columns[id.value].type = SimpleType(TypeKind::kCounter);
  counters->id = ComputeSchemaId(*counters);
  tables_[0] = counters;

  const std::string earlier = Context({{'B', 4}});
  AddCell("k", {5}, 0, LiveCell(kV, 40, earlier));
  const std::string first = Context({{'A', 5}});
  const std::string second = Context({{'A', 6}});
  const Cell both[] = {LiveCell(kV, 50, first), LiveCell(kTags, 50, second)};
  RowUpdate whole;
  whole.cells = both;
  Add("k", {5}, 0, whole);
  AddCell("k", {5}, 1, LiveCell(kV, 50, first));
  const std::string merged = Context({{'A', 5}, {'B', 4}});
  AddCell("k", {5}, 2, LiveCell(kV, 50, merged));

  const std::vector<std::string> writes = Drain();
  // The other leader's shard, which the repair brought along, is told of where it was written; here it is a copy.
  ASSERT_EQ(writes.size(), 3u);
  EXPECT_EQ(writes[0], "0 k@40" + earlier + ", n0 new");
  EXPECT_EQ(writes[1], "0 k@50" + earlier + ", n1");
  EXPECT_EQ(writes[2], "0 k@50" + first + ",50" + second + ", n0");
}

TEST_F(WriteLogTest, SpillsWithoutLosingAnything) {
  memory_bytes_ = 64 << 10;
  constexpr int kWrites = 5000;
  for (int i = 0; i < kWrites; ++i) {
    for (const uint16_t node : {0, 1, 2}) {
      AddCell(std::to_string(i % 100), {i % 100}, node, LiveCell(kV, kTs + i, "value"));
    }
  }
  EXPECT_EQ(Drain().size(), static_cast<size_t>(kWrites));
  EXPECT_EQ(copies_, 2u * kWrites);
}

}  // namespace
}  // namespace braid
