#include "reconcile/rocksdb/state_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "reconcile/rocksdb/rocks_state.h"

namespace braid {
namespace {

class StateReaderTest : public ::testing::Test {
 protected:
  StateReaderTest()
      : path_((std::filesystem::temp_directory_path() / ("braid_state_reader_test." + std::to_string(getpid())))
                  .string()) {
    std::filesystem::remove_all(path_);
    auto state = RocksState::Open({.path = path_, .shard = 2, .memory_bytes = 4 << 20, .sync = false});
    EXPECT_TRUE(state.has_value()) << state.error().message;
    state_ = *std::move(state);
  }
  ~StateReaderTest() override {
    state_.reset();
    std::filesystem::remove_all(path_);
  }

  // Rows 0 to `rows` of one partition, each with the revision `revision`, in one commit.
  void Commit(int rows, uint64_t revision) {
    const std::string value(1'000, 'x');
    for (int i = 0; i < rows; ++i) {
      const std::string key = "row" + std::to_string(i);
      const Cell cell{.column = {3}, .at = {5}, .value = value};
      RowState row;
      row.revision = revision;
      row.cells = {&cell, 1};
      const RowDelta delta{{false, key}, &row, UnixSeconds::Never(), UnixSeconds::Never()};
      ASSERT_TRUE(state_->Write({{{}, {7}, "key"}, nullptr, false, {&delta, 1}}).has_value());
    }
    ASSERT_TRUE(state_->Commit("mark " + std::to_string(revision)).has_value());
  }

  // Expects `rows` rows, all of one revision, which the mark names.
  static void ExpectCommit(StateReader* reader, int rows, uint64_t revision) {
    class Counter : public StateReader::Visitor {
     public:
      Status OnMark(uint32_t, ByteView) override { return {}; }
      Status OnPartition(uint32_t, const PartitionRef&, const PartitionHeader*, UnixSeconds) override { return {}; }
      Status OnRow(const PartitionRef&, const RowRef&, const RowState& row) override {
        ++rows;
        EXPECT_EQ(row.revision, revision);
        return {};
      }
      Status OnTimer(const PartitionRef&, const RowRef&, UnixSeconds) override { return {}; }
      int rows = 0;
      uint64_t revision = 0;
    } counter;
    counter.revision = revision;
    EXPECT_EQ(reader->ReadMark(2).value(), "mark " + std::to_string(revision));
    ASSERT_TRUE(reader->Read(&counter).has_value());
    EXPECT_EQ(counter.rows, rows);
  }

  const std::string path_;
  std::unique_ptr<RocksState> state_;
};

TEST_F(StateReaderTest, ReadsBesideTheProcessThatWorksWithIt) {
  EXPECT_EQ(StateReader::OpenBeside(path_ + "/none").error().code, ErrorCode::kNotFound);
  const auto beside = StateReader::OpenBeside(path_);
  ASSERT_TRUE(beside.has_value()) << beside.error().message;
  EXPECT_EQ((*beside)->ReadMark(2).value(), "");
}

TEST_F(StateReaderTest, GivesOneCommitWhateverComesAfter) {
  constexpr int kRows = 500;
  Commit(kRows, 1);
  auto first = StateReader::OpenBeside(path_);
  ASSERT_TRUE(first.has_value()) << first.error().message;
  // Enough to flush and compact, so that the files of the first are gone by name.
  for (uint64_t revision = 2; revision < 40; ++revision) {
    Commit(kRows, revision);
    auto reader = StateReader::OpenBeside(path_);
    ASSERT_TRUE(reader.has_value()) << reader.error().message;
    ExpectCommit(reader->get(), kRows, revision);
  }
  ExpectCommit(first->get(), kRows, 1);
}

}  // namespace
}  // namespace braid
