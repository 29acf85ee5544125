// What a snapshot refuses to take for the whole of a node: whatever it did not see would be told dead.
#include "pipeline/run/table_snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "capture/schema_registry.h"
#include "reconcile/testing/toy_table.h"

namespace braid {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class NoTables : public TableLookup {
 public:
  const TableSchema* FindTable(const TableId&) const override { return nullptr; }
};

class TableSnapshotTest : public ::testing::Test {
 protected:
  TableSnapshotTest() {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    path_ = fs::temp_directory_path() / ("braid_table_snapshot_test_" + name);
    fs::remove_all(path_);
    std::string id = table_->table_id.ToString();
    std::erase(id, '-');
    fs::create_directories(path_ / "one" / table_->keyspace / (table_->table + "-" + id));
    fs::create_directories(path_ / "two" / "system");
    fs::create_directories(path_ / "commitlog");
    std::ofstream(path_ / "commitlog" / "CommitLog-7-5.log");
  }
  ~TableSnapshotTest() override { fs::remove_all(path_); }

  Status Open() {
    TableSnapshot::Options options;
    options.nodes = {{.name = "n1",
                      .cdc_raw = (path_ / "cdc_raw").string(),
                      .commitlog = (path_ / "commitlog").string(),
                      .data = {(path_ / "one").string(), (path_ / "two").string()}}};
    options.captured = {SegmentId{5}};
    options.tables = &tables_;
    options.schema = table_.get();
    options.directory = (path_ / "sorted").string();
    fs::create_directories(options.directory);
    const auto snapshot = TableSnapshot::Open(options);
    return snapshot.has_value() ? Status() : Status(snapshot.error());
  }

  fs::path path_;
  TableSchemaPtr table_ = testing::ParseTable("titles (id int key, title text)");
  NoTables tables_;
};

TEST_F(TableSnapshotTest, ADataDirectoryMayLackTheTable) {
  const Status opened = Open();
  EXPECT_TRUE(opened.has_value()) << opened.error().message;
}

TEST_F(TableSnapshotTest, ADataDirectoryThatIsNotMountedIsNotPassedOver) {
  fs::remove_all(path_ / "two" / "system");
  const Status empty = Open();
  ASSERT_FALSE(empty.has_value());
  EXPECT_THAT(empty.error().message, AllOf(HasSubstr("node n1"), HasSubstr("two is empty: is it mounted?")));
  fs::remove_all(path_ / "two");
  const Status gone = Open();
  ASSERT_FALSE(gone.has_value());
  EXPECT_THAT(gone.error().message, HasSubstr("two"));
}

TEST_F(TableSnapshotTest, AKeyspaceThatCannotBeListedIsNotPassedOver) {
  fs::create_symlink(table_->keyspace, path_ / "two" / table_->keyspace);  // to itself
  EXPECT_FALSE(Open().has_value());
}

}  // namespace
}  // namespace braid
