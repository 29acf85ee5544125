#include "cassandra/schema/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cassandra/schema/schema_test_util.h"
#include "cassandra/schema/system_table.h"
#include "cassandra/sstable/directory.h"
#include "cassandra/sstable/sstable_test_util.h"

namespace braid {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

std::string RealData(const std::string& version) {
  return std::string(BRAID_TESTDATA) + "/cassandra-" + version;
}

std::vector<std::string> ColumnNames(const TableSchema& schema, const std::vector<ColumnId>& ids) {
  std::vector<std::string> names;
  for (const ColumnId id : ids) names.push_back(schema.column(id).name);
  return names;
}

class RealSchemaTest : public testing::TestWithParam<const char*> {};

// expected.jsonl is what the cluster's driver said of its tables.
TEST_P(RealSchemaTest, IsWhatTheClusterSays) {
  const auto schema = ReadSchema({RealData(GetParam())}, TestSchemaId);
  ASSERT_TRUE(schema.has_value()) << schema.error().message;
  EXPECT_TRUE(schema->warnings().empty());
  std::istringstream expected(ReadTestFile(RealData(GetParam()) + "/expected.jsonl"));
  size_t tables = 0;
  for (std::string line; std::getline(expected, line); ++tables) {
    const auto truth = nlohmann::json::parse(line);
    const std::string name = truth["table"];
    const TableInfo* info = schema->Find("rec", name.substr(4));
    ASSERT_NE(info, nullptr) << name;
    ASSERT_NE(info->schema, nullptr) << info->unreadable;
    const TableSchema& table = *info->schema;
    EXPECT_EQ(table.cdc, truth["cdc"].get<bool>()) << name;
    EXPECT_EQ(ColumnNames(table, table.partition_key), truth["partition"].get<std::vector<std::string>>());
    EXPECT_EQ(ColumnNames(table, table.clustering), truth["clustering"].get<std::vector<std::string>>());
    EXPECT_THAT(ColumnNames(table, table.statics), testing::UnorderedElementsAreArray(truth["statics"]));
    EXPECT_THAT(ColumnNames(table, table.regulars), testing::UnorderedElementsAreArray(truth["regulars"]));
    std::vector<std::string> descending;
    for (const Column& column : table.columns) {
      if (column.descending) descending.push_back(column.name);
      const std::string type = ToCql(*column.type);
      // The driver prints the frozenness of tuples, which are never anything else.
      if (!column.dropped && type.find("tuple") == std::string::npos) {
        EXPECT_EQ(type, truth["types"][column.name].get<std::string>()) << name << "." << column.name;
      }
    }
    EXPECT_THAT(descending, testing::UnorderedElementsAreArray(truth["descending"]));
  }
  EXPECT_GE(tables, 17u);
}

TEST_P(RealSchemaTest, KnowsDroppedAndAddedAgain) {
  const auto schema = ReadSchema({RealData(GetParam())}, TestSchemaId);
  const TableSchema& table = *schema->Find("rec", "altered")->schema;
  EXPECT_TRUE(table.FindColumn("gone")->dropped);
  EXPECT_FALSE(table.FindColumn("gone")->dropped_at.none());
  EXPECT_FALSE(table.FindColumn("again")->dropped);
  EXPECT_FALSE(table.FindColumn("again")->dropped_at.none());
  EXPECT_TRUE(table.FindColumn("a")->dropped_at.none());
}

// Cassandra writes the definitions of its own tables too.
TEST_P(RealSchemaTest, KnowsSystemTables) {
  const auto schema = ReadSchema({RealData(GetParam())}, TestSchemaId);
  EXPECT_EQ(schema->Find("system", "local")->id.ToString(), "7ad54392-bcdd-35a6-8417-4e047860b377");
  EXPECT_EQ(schema->Find("system_schema", "tables")->id.ToString(), "afddfb9d-bc1e-3068-8056-eed6c302ba09");
  EXPECT_NE(schema->Find("system", "paxos")->schema, nullptr);
  for (const TableInfo& info : schema->tables()) EXPECT_EQ(info.unreadable, "") << info.FullName();
}

// The node's id stands in system.local, and in each file that it flushed.
TEST_P(RealSchemaTest, FindsTheHost) {
  const auto host = ReadHostId({RealData(GetParam())});
  ASSERT_TRUE(host.has_value() && host->has_value());
  const auto directories = ListTableDirectories(RealData(GetParam()) + "/system");
  const auto sstables = ListSstables((*directories)[0].path);
  const auto sstable = Sstable::Open(sstables->back());
  EXPECT_EQ((*sstable)->statistics().stats.originating_host, **host);
}

// All of a node's disks, or all nodes, are read as one; the same files twice say the same.
TEST_P(RealSchemaTest, DirectoriesAreMerged) {
  const auto once = ReadSchema({RealData(GetParam())}, TestSchemaId);
  const std::string empty = testing::TempDir() + "/braid_schema_empty";
  std::filesystem::create_directories(empty);
  const auto twice = ReadSchema({RealData(GetParam()), RealData(GetParam()), empty}, TestSchemaId);
  ASSERT_TRUE(twice.has_value());
  EXPECT_EQ(twice->tables().size(), once->tables().size());
  EXPECT_THAT(twice->warnings(), ElementsAre(HasSubstr("braid_schema_empty: has no schema")));
}

INSTANTIATE_TEST_SUITE_P(Versions, RealSchemaTest, testing::Values("4.0.17", "5.0.6"), [](const auto& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

TEST(ReadSchemaTest, NoSchemaIsAClearError) {
  const std::string empty = testing::TempDir() + "/braid_schema_none";
  std::filesystem::create_directories(empty);
  const auto schema = ReadSchema({empty}, TestSchemaId);
  ASSERT_FALSE(schema.has_value());
  EXPECT_EQ(schema.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(schema.error().message, HasSubstr("nodetool flush system_schema"));
  EXPECT_EQ(ReadSchema({}, TestSchemaId).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(ReadSchema({empty + "/nowhere"}, TestSchemaId).error().message, HasSubstr("no such directory"));
  EXPECT_FALSE(ReadHostId({empty})->has_value());
}

TEST(ReadSchemaTest, DamageIsTold) {
  const std::filesystem::path copy = std::filesystem::path(testing::TempDir()) / "braid_schema_damaged";
  std::filesystem::remove_all(copy);
  std::filesystem::copy(RealData("5.0.6"), copy, std::filesystem::copy_options::recursive);
  std::filesystem::path data;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(copy / "system_schema")) {
    const std::string path = entry.path().string();
    if (path.find("/columns-") != std::string::npos && path.ends_with("Data.db")) data = entry.path();
  }
  std::string bytes = ReadTestFile(data);
  bytes[bytes.size() / 3] = static_cast<char>(bytes[bytes.size() / 3] ^ 1);
  std::ofstream(data, std::ios::binary) << bytes;
  const auto schema = ReadSchema({copy.string()}, TestSchemaId);
  ASSERT_FALSE(schema.has_value());
  EXPECT_EQ(schema.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(schema.error().message, HasSubstr(data.filename().string()));
  std::filesystem::remove_all(copy);
}

// The last write to each cell wins, whatever the order of the files.
class SystemTableTest : public testing::Test {
 protected:
  // The rows of partition 1, "c=v" each, after both files, read in both orders.
  std::vector<std::string> Merge(const std::string& rows_a, const std::string& rows_b) {
    const std::string key = IntBytes(1);
    const SstableBytes a = MakeSstable(
        {start_a_.empty() ? PartitionStart(key) + rows_a + kPartitionEnd : start_a_ + rows_a + kPartitionEnd});
    const SstableBytes b = MakeSstable({PartitionStart(key) + rows_b + kPartitionEnd});
    std::vector<std::string> first = Read({a, b});
    EXPECT_EQ(Read({b, a}), first);
    EXPECT_EQ(Read({b, a, b}), first);
    return first;
  }
  std::string start_a_;

 private:
  static std::vector<std::string> Read(const std::vector<SstableBytes>& files) {
    SystemTable table;
    for (const SstableBytes& file : files) {
      const auto sstable = OpenBytes(file);
      const Status added = table.Add(sstable->get());
      EXPECT_TRUE(added.has_value()) << added.error().message;
    }
    std::vector<std::string> rows;
    const auto live = table.LiveRows();
    for (const SystemRow& row : *live) {
      const std::string* value = row.Find("v");
      rows.push_back(std::to_string(LoadBigEndian<int32_t>(row.key[1].data())) + "=" +
                     (value == nullptr ? "null" : *value));
    }
    return rows;
  }
};

// A row with a tombstone for the cell, or a deleted row, at the epoch plus `ts`.
std::string CellTombstone(int32_t c, uint64_t ts) {
  const std::string body = RowBytes().Vint(0).U8(0x01 | 0x04).Vint(ts).Vint(1).bytes();
  return RowBytes().U8(0x20).Vint(0).Raw(IntBytes(c)).Vint(body.size()).Raw(body).bytes();
}
std::string RowTombstone(int32_t c, uint64_t ts) {
  const std::string body = RowBytes().Vint(0).Vint(ts).Vint(1).Vint(1).bytes();  // the one column is missing
  return RowBytes().U8(0x10).Vint(0).Raw(IntBytes(c)).Vint(body.size()).Raw(body).bytes();
}

TEST_F(SystemTableTest, LastWriteWins) {
  EXPECT_THAT(Merge(IntRow(1, "old", 5), IntRow(1, "new", 6)), ElementsAre("1=new"));
  EXPECT_THAT(Merge(IntRow(1, "a", 5), IntRow(1, "b", 5)), ElementsAre("1=b"));
  EXPECT_THAT(Merge(IntRow(1, "a", 5), IntRow(2, "b", 5)), ElementsAre("1=a", "2=b"));
}

TEST_F(SystemTableTest, TombstonesWinTies) {
  EXPECT_THAT(Merge(IntRow(1, "a", 5), CellTombstone(1, 5)), ElementsAre("1=null"));
  EXPECT_THAT(Merge(IntRow(1, "a", 5), CellTombstone(1, 4)), ElementsAre("1=a"));
  EXPECT_THAT(Merge(IntRow(1, "a", 5), RowTombstone(1, 5)), ElementsAre());
  EXPECT_THAT(Merge(IntRow(1, "a", 6), RowTombstone(1, 5)), ElementsAre("1=a"));
}

TEST_F(SystemTableTest, RangesAndPartitionsDelete) {
  const std::string range = Marker(1, 2, {{5, 1}}) + Marker(6, 3, {{5, 1}});
  EXPECT_THAT(Merge(IntRow(1, "a", 5) + IntRow(2, "b", 5) + IntRow(3, "c", 6), range), ElementsAre("1=a", "3=c"));
  start_a_ = RowBytes().U16(4).Raw(IntBytes(1)).I32(7).I64(kStatsEpochUs + 5).bytes();
  EXPECT_THAT(Merge("", IntRow(1, "a", 5) + IntRow(2, "b", 6)), ElementsAre("2=b"));
}

}  // namespace
}  // namespace braid
