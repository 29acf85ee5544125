#include "pipeline/replay/spilling_state.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "codec/schema.h"
#include "model/key.h"
#include "reconcile/reconciler.h"

namespace braid {
namespace {

constexpr int kRows = 3000;
constexpr ColumnId kValue{2};

TableSchema MakeTable() {
  TableSchema schema;
  schema.keyspace = "k";
  schema.table = "t";
  const auto add = [&](const char* name, ColumnKind kind) {
    Column column;
    column.id.value = static_cast<uint16_t>(schema.columns.size());
    column.name = name;
    column.kind = kind;
    column.type = SimpleType(TypeKind::kText);
    schema.columns.push_back(std::move(column));
  };
  add("id", ColumnKind::kPartitionKey);
  add("c", ColumnKind::kClustering);
  add("v", ColumnKind::kRegular);
  schema.IndexColumns();
  schema.id = ComputeSchemaId(schema);
  return schema;
}

// Writes down each change in one line.
class Notes : public ChangeSink {
 public:
  Status Emit(const Change& change) override {
    std::string line = std::to_string(static_cast<int>(change.op)) + " " + std::string(change.clustering) + " r" +
                       std::to_string(change.revision);
    for (const Image* image : {change.before, change.after}) {
      line += image == nullptr ? " -" : " " + std::string(image->columns[0].value);
    }
    lines.push_back(std::move(line));
    return {};
  }
  std::vector<std::string> lines;
};

// A partition that is written, rewritten in part, loses a range and is then deleted; twice, as if two partitions.
class Story {
 public:
  explicit Story(State* state) : reconciler_({.partition_clock = true}, state) {}

  std::vector<std::string> Tell() {
    for (const char* key : {"first", "second"}) {
      mutation_.partition_key = key;
      for (int i = 0; i < kRows; ++i) Write(i, 1000 + i, "value of a row that takes some room");
      for (int i = 0; i < kRows; i += 7) Write(i, 100'000 + i, "new");
      DeleteRange("0500", "2500", 200'000);
      DeletePartition(300'000);
      EXPECT_TRUE(reconciler_.ForgetPartition(schema_, {}, mutation_.partition_key).has_value());
    }
    return std::move(notes_.lines);
  }

 private:
  void Apply(const Mutation& mutation) {
    const Status status = reconciler_.ApplyWrite(mutation, UnixSeconds{1'000'000}, notes_);
    ASSERT_TRUE(status.has_value()) << status.error().message;
  }

  void Write(int number, int64_t at, ByteView value) {
    const std::string key = std::to_string(10000 + number).substr(1);
    std::string clustering;
    AppendClusteringValue(key, &clustering);
    const Cell cell{.column = kValue, .at = {at}, .value = value};
    const RowUpdate row{.key = key, .clustering = clustering, .cells = {&cell, 1}};
    Mutation mutation = mutation_;
    mutation.schema = &schema_;
    mutation.rows = {&row, 1};
    Apply(mutation);
  }

  void DeleteRange(ByteView from, ByteView to, int64_t at) {
    const RangeDeletion range{.start = {.cut = from}, .end = {.cut = to}, .deletion = {{at}, {1}}};
    Mutation mutation = mutation_;
    mutation.schema = &schema_;
    mutation.ranges = {&range, 1};
    Apply(mutation);
  }

  void DeletePartition(int64_t at) {
    Mutation mutation = mutation_;
    mutation.schema = &schema_;
    mutation.partition_deletion = {{at}, {1}};
    Apply(mutation);
  }

  const TableSchema schema_ = MakeTable();
  Mutation mutation_;
  Notes notes_;
  Reconciler reconciler_;
};

TEST(SpillingStateTest, AWidePartitionGoesToDiskAndTheStreamIsTheSame) {
  std::string directory = ::testing::TempDir() + "spilling-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  MemoryState in_memory;
  const std::vector<std::string> expected = Story(&in_memory).Tell();
  {
    SpillingState spilling({.memory_bytes = 64 << 10, .directory = directory});
    EXPECT_EQ(Story(&spilling).Tell(), expected);
    EXPECT_EQ(spilling.spilled_partitions(), 2u);
  }
  EXPECT_GT(expected.size(), static_cast<size_t>(2 * 2 * kRows));
  std::filesystem::remove_all(directory);
}

TEST(SpillingStateTest, ANarrowPartitionTouchesNoDisk) {
  SpillingState spilling({.memory_bytes = 64 << 20, .directory = "/nonexistent"});
  Story(&spilling).Tell();
  EXPECT_EQ(spilling.spilled_partitions(), 0u);
}

}  // namespace
}  // namespace braid
