#include "capture/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/testing/memory_file_system.h"

namespace braid {
namespace {

class HistoryTest : public testing::Test {
 protected:
  HistoryTest() {
    node_.cdc_raw = "/n/cdc_raw";
    node_.commitlog = "/n/commitlog";
    node_.data = {"/n/data1", "/n/data2"};
    for (const std::string& directory : {node_.cdc_raw, node_.commitlog, node_.data[0], node_.data[1]}) {
      CHECK(files_.MakeDirectory(directory).has_value());
    }
    table_.keyspace = "k";
    table_.table = "t";
    table_.table_id.bytes[15] = 7;
    Put("/n/cdc_raw/CommitLog-7-10.log");
    Put("/n/cdc_raw/CommitLog-7-10_cdc.idx");
    Put("/n/cdc_raw/CommitLog-7-11.log");
    Put("/n/commitlog/CommitLog-7-11.log");
  }

  void Put(const std::string& path) {
    CHECK(files_.MakeDirectory(path.substr(0, path.rfind('/'))).has_value());
    CHECK(files_.ReplaceFile(path, "x").has_value());
  }
  bool Ask() {
    const auto answer = WholeHistoryIsLogged(&files_, node_, table_);
    EXPECT_TRUE(answer.has_value()) << answer.error().message;
    return answer.has_value() && *answer;
  }

  const std::string directory_ = "/n/data2/k/t-00000000000000000000000000000007";
  MemoryFileSystem files_;
  NodeFiles node_;
  TableSchema table_;
};

TEST_F(HistoryTest, OfATableThatWasNeverFlushed) {
  EXPECT_TRUE(Ask());
  CHECK(files_.MakeDirectory(directory_ + "/backups").has_value());
  EXPECT_TRUE(Ask());
  Put("/n/data2/k/t-00000000000000000000000000000008/nb-1-big-Data.db");
  EXPECT_TRUE(Ask());  // another table of that name
}

TEST_F(HistoryTest, NotOfOneThatWas) {
  Put(directory_ + "/nb-1-big-Data.db");
  EXPECT_FALSE(Ask());
}

TEST_F(HistoryTest, NotIfCaptureMissesASegment) {
  Put("/n/commitlog/CommitLog-7-12.log");
  EXPECT_FALSE(Ask());
  Put("/n/cdc_raw/CommitLog-7-12_cdc.idx");  // without its segment
  EXPECT_FALSE(Ask());
  Put("/n/cdc_raw/CommitLog-7-12.log");
  EXPECT_TRUE(Ask());
}

TEST_F(HistoryTest, NotWhereItCannotBeTold) {
  node_.commitlog = "";
  EXPECT_FALSE(Ask());
  node_.commitlog = "/n/commitlog";
  node_.data.clear();
  EXPECT_FALSE(Ask());
}

TEST_F(HistoryTest, ADiskThatIsAwayIsAnError) {
  node_.data.push_back("/n/data3");
  EXPECT_EQ(WholeHistoryIsLogged(&files_, node_, table_).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace braid
