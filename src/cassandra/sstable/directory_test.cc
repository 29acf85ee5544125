#include "cassandra/sstable/directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cassandra/sstable/directory_test_util.h"
#include "cassandra/sstable/transaction_log.h"

namespace braid {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(TransactionLogTest, KnowsItsName) {
  EXPECT_TRUE(IsTransactionLogName("nb_txn_flush_1ab79dd0-e5d2-11f1-8c09-774350d35672.log"));
  // As 5.0.6 names those of format bti.
  EXPECT_TRUE(IsTransactionLogName("bti-da_txn_compaction_1ab79dd0-e5d2-11f1-8c09-774350d35672.log"));
  for (const char* other :
       {"nb-1-big-Data.db", "x_txn_flush_1.log", "nb_txn_flush_1.txt", "nb_flush.log", "-_txn_.log"}) {
    EXPECT_FALSE(IsTransactionLogName(other)) << other;
  }
}

TEST(TransactionLogTest, ReadsRecords) {
  const auto log = ParseTransactionLog(Line("ADD", "/a/nb-2-big-", 0, 8) +
                                       Line("REMOVE", "/a/nb-1-big-", 1700000000000, 8) + Line("COMMIT", "", 0, 0));
  ASSERT_TRUE(log.has_value());
  EXPECT_TRUE(log->committed);
  ASSERT_EQ(log->added.size(), 1u);
  EXPECT_EQ(log->added[0].base, "nb-2-big");
  ASSERT_EQ(log->removed.size(), 1u);
  EXPECT_EQ(log->removed[0].base, "nb-1-big");
  EXPECT_EQ(log->removed[0].files, 8);
}

// As Cassandra 5.0.6 wrote it while it flushed.
TEST(TransactionLogTest, ReadsARealOne) {
  const auto log = ParseTransactionLog(
      "ADD:[/tmp/cc/ino/n1/data/system_schema/columns-24101c25a2ae3af787c1b40ee1aca33f/nb-6-big-,0,8][3170192670]\n");
  ASSERT_TRUE(log.has_value()) << log.error().message;
  ASSERT_EQ(log->added.size(), 1u);
  EXPECT_EQ(log->added[0].base, "nb-6-big");
  EXPECT_EQ(log->added[0].files, 8);
  EXPECT_FALSE(log->committed);
}

TEST(TransactionLogTest, IgnoresADamagedLastLineOnly) {
  const std::string added = Line("ADD", "/a/nb-2-big-", 0, 8);
  const auto torn = ParseTransactionLog(added + "COMMIT:[,0,0][12");
  ASSERT_TRUE(torn.has_value());
  EXPECT_FALSE(torn->committed);
  EXPECT_EQ(torn->added.size(), 1u);
  const auto damaged = ParseTransactionLog("ADD:[/a/nb-2-big,0,8][1]\n" + added);
  ASSERT_FALSE(damaged.has_value());
  EXPECT_EQ(damaged.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(damaged.error().message, HasSubstr("line 1"));
}

TEST(TransactionLogTest, EveryFlippedByteOfALineUndoesIt) {
  const std::string line = Line("REMOVE", "/a/nb-1-big-", 1700000000123, 8);
  for (size_t i = 0; i + 1 < line.size(); ++i) {
    for (const char flip : {'\x01', '\x40'}) {
      std::string damaged = line;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      const auto log = ParseTransactionLog(damaged);
      if (log.has_value()) {
        EXPECT_TRUE(log->removed.empty()) << i;
      }
    }
  }
}

class DirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::path(testing::TempDir()) /
            (std::string("braid_directory_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  void Write(const std::string& name, const std::string& content = "x") {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << content;
  }
  void WriteSstable(const std::string& base) {
    for (const char* component : {"Data.db", "Statistics.db", "CompressionInfo.db"}) Write(base + "-" + component);
  }
  Result<std::vector<std::string>> List() {
    ASSIGN_OR_RETURN(const std::vector<Descriptor> found, ListSstables(path_.string()));
    std::vector<std::string> bases;
    for (const Descriptor& descriptor : found) bases.push_back(descriptor.Base());
    return bases;
  }

  std::filesystem::path path_;
};

TEST_F(DirectoryTest, ListsWholeSstables) {
  WriteSstable("nb-1-big");
  WriteSstable("oa-2-big");
  Write(".by_name/nb-3-big-Data.db");
  Write("snapshots/x/nb-4-big-Data.db");
  Write("backups/nb-5-big-Data.db");
  Write("nb-6-big-Index.db");  // left behind
  EXPECT_THAT(*List(), ElementsAre("nb-1-big", "oa-2-big"));
}

TEST_F(DirectoryTest, MissingComponentIsAnError) {
  Write("nb-1-big-Data.db");
  Write("nb-1-big-Statistics.db");
  const auto found = List();
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(found.error().message, HasSubstr("CompressionInfo.db or CRC.db"));
}

TEST_F(DirectoryTest, OldVersionsAreAnErrorUnlessReplaced) {
  WriteSstable("ma-1-big");
  WriteSstable("nb-2-big");
  EXPECT_EQ(List().error().code, ErrorCode::kUnsupported);
  Write("nb_txn_compaction_5a1c395e-b41f-11e5-9f22-ba0be0483c18.log",
        Line("ADD", "/n/nb-2-big-", 0, 3) + Line("REMOVE", "/n/ma-1-big-", 5, 3) + Line("COMMIT", "", 0, 0));
  EXPECT_THAT(*List(), ElementsAre("nb-2-big"));
}

TEST_F(DirectoryTest, CommittedTransactionsHaveRemoved) {
  WriteSstable("nb-1-big");
  WriteSstable("nb-11-big");
  WriteSstable("nb-2-big");
  Write("nb_txn_compaction_5a1c395e-b41f-11e5-9f22-ba0be0483c18.log",
        Line("REMOVE", "/n/nb-1-big-", 5, 3) + Line("ADD", "/n/nb-2-big-", 0, 3) + Line("COMMIT", "", 0, 0));
  EXPECT_THAT(*List(), ElementsAre("nb-11-big", "nb-2-big"));
}

TEST_F(DirectoryTest, AbortedAndOpenTransactionsHaveAddedNothing) {
  WriteSstable("nb-1-big");
  WriteSstable("nb-2-big");
  const std::string open = Line("REMOVE", "/n/nb-1-big-", 5, 3) + Line("ADD", "/n/nb-2-big-", 0, 3);
  const std::string log = "oa_txn_flush_5a1c395e-b41f-11e5-9f22-ba0be0483c18.log";
  for (const std::string& text : {open, open + Line("ABORT", "", 0, 0)}) {
    Write(log, text);
    EXPECT_THAT(*List(), ElementsAre("nb-1-big"));
  }
}

TEST_F(DirectoryTest, AnOpenTransactionWhoseFilesAreGoneIsACopyMadeTooSlowly) {
  WriteSstable("nb-1-big");
  std::filesystem::remove(path_ / "nb-1-big-Statistics.db");
  Write("nb_txn_compaction_5a1c395e-b41f-11e5-9f22-ba0be0483c18.log", Line("REMOVE", "/n/nb-1-big-", 5, 3));
  const auto found = List();
  ASSERT_FALSE(found.has_value());
  EXPECT_THAT(found.error().message, HasSubstr("copy it again"));
}

// A transaction over two directories whose end has come to the log of one only.
TEST_F(DirectoryTest, ATransactionIsFinishedIfOneOfItsLogsSaysSo) {
  WriteSstable("a/nb-1-big");
  WriteSstable("b/nb-2-big");
  const std::string log = "nb_txn_compaction_5a1c395e-b41f-11e5-9f22-ba0be0483c18.log";
  const std::string open = Line("ADD", "/n/b/nb-2-big-", 0, 3) + Line("REMOVE", "/n/a/nb-1-big-", 5, 3);
  for (const bool first : {true, false}) {
    for (const char* end : {"COMMIT", "ABORT"}) {
      Write("a/" + log, open + (first ? Line(end, "", 0, 0) : ""));
      Write("b/" + log, open + (first ? "" : Line(end, "", 0, 0)));
      const auto listing = ListSstables(std::vector<std::string>{(path_ / "a").string(), (path_ / "b").string()});
      ASSERT_EQ(listing->whole.size(), 1u);
      EXPECT_EQ(listing->whole[0].Base(), end == std::string("COMMIT") ? "nb-2-big" : "nb-1-big");
    }
  }
}

TEST_F(DirectoryTest, ListsTableDirectories) {
  std::filesystem::create_directories(path_ / "titles-5a1c395eb41f11e59f22ba0be0483c18");
  std::filesystem::create_directories(path_ / "no_id");
  std::filesystem::create_directories(path_ / "bad-5a1c395eb41f11e59f22ba0be0483c1g");
  Write("file-5a1c395eb41f11e59f22ba0be0483c18");
  const auto tables = ListTableDirectories(path_.string());
  ASSERT_TRUE(tables.has_value());
  ASSERT_EQ(tables->size(), 1u);
  EXPECT_EQ((*tables)[0].table, "titles");
  EXPECT_EQ((*tables)[0].id.ToString(), "5a1c395e-b41f-11e5-9f22-ba0be0483c18");
  EXPECT_EQ(ListTableDirectories((path_ / "none").string()).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace braid
