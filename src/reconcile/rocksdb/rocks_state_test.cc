#include "reconcile/rocksdb/rocks_state.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "reconcile/testing/state_conformance.h"

namespace braid::testing {
namespace {

// A directory of its own for each, gone with it.
class Directory {
 public:
  Directory() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("braid_rocks_state_test_" + std::to_string(getpid()) + "_" + std::to_string(++count));
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::unique_ptr<RocksState> OpenIn(const std::string& path, uint32_t shard = 0) {
  RocksState::Options options;
  options.path = path;
  options.shard = shard;
  options.memory_bytes = 8 << 20;
  Result<std::unique_ptr<RocksState>> state = RocksState::Open(options);
  EXPECT_TRUE(state.has_value()) << state.error().message;
  return state.has_value() ? std::move(*state) : nullptr;
}

class RocksMaker {
 public:
  State* state() { return state_.get(); }

 private:
  Directory directory_;
  std::unique_ptr<RocksState> state_ = OpenIn(directory_.path());
};
INSTANTIATE_TYPED_TEST_SUITE_P(Rocks, StateConformance, RocksMaker);

// The same once more, with nothing left in the batch when it is read: everything comes from the store.
class CommittingState : public State {
 public:
  explicit CommittingState(RocksState* state) : state_(*state) {}
  Result<const PartitionHeader*> ReadHeader(const PartitionRef& partition, Arena* arena) override {
    return state_.ReadHeader(partition, arena);
  }
  Result<const RowState*> ReadRow(const PartitionRef& partition, const RowRef& row, Arena* arena) override {
    return state_.ReadRow(partition, row, arena);
  }
  Status ReadRows(const PartitionRef& partition, const KeyRange& range, size_t max_rows, Arena* arena,
                  std::vector<RowEntry>* rows) override {
    return state_.ReadRows(partition, range, max_rows, arena, rows);
  }
  Status Write(const StateDelta& delta) override {
    TRY(state_.Write(delta));
    TRY(state_.Commit("mark"));
    return state_.Rollback();
  }
  Result<std::optional<DueRow>> NextDue(const PartitionRef& partition, UnixSeconds now, Arena* arena) override {
    return state_.NextDue(partition, now, arena);
  }
  Result<std::optional<DueRow>> NextDueOfAll(UnixSeconds now, Arena* arena) override {
    return state_.NextDueOfAll(now, arena);
  }
  Status ForgetPartition(const PartitionRef& partition) override {
    TRY(state_.ForgetPartition(partition));
    return state_.Commit("mark");
  }
  Status ForgetTable(const TableId& table) override {
    TRY(state_.ForgetTable(table));
    return state_.Commit("mark");
  }
  Status ListPartitions(const PartitionRef& from, size_t max, Arena* arena,
                        std::vector<PartitionRef>* partitions) override {
    return state_.ListPartitions(from, max, arena, partitions);
  }

 private:
  RocksState& state_;
};

class CommittingMaker {
 public:
  State* state() { return &committing_; }

 private:
  Directory directory_;
  std::unique_ptr<RocksState> state_ = OpenIn(directory_.path());
  CommittingState committing_{state_.get()};
};
INSTANTIATE_TYPED_TEST_SUITE_P(RocksCommitted, StateConformance, CommittingMaker);

class RocksStateTest : public ::testing::Test {
 protected:
  void Put(RocksState* state, std::string_view key, std::string_view value) {
    Cell cell;
    cell.value = value;
    RowState row;
    row.cells = {&cell, 1};
    const RowDelta delta{{false, key}, &row, UnixSeconds::Never(), UnixSeconds::Never()};
    ASSERT_TRUE(state->Write({partition_, nullptr, false, {&delta, 1}}).has_value());
  }
  std::string Value(RocksState* state, std::string_view key) {
    const Result<const RowState*> row = state->ReadRow(partition_, {false, key}, &arena_);
    return !row.has_value() ? row.error().message : *row == nullptr ? "none" : std::string((*row)->cells[0].value);
  }

  Directory directory_;
  Arena arena_;
  const PartitionRef partition_{{}, {}, "p"};
};

TEST_F(RocksStateTest, OnlyWhatWasCommittedIsThereAfterReopening) {
  auto state = OpenIn(directory_.path());
  EXPECT_EQ(*state->ReadMark(), "");
  Put(state.get(), "a", "1");
  EXPECT_GT(state->pending_bytes(), 0u);
  ASSERT_TRUE(state->Commit("first").has_value());
  Put(state.get(), "a", "2");
  Put(state.get(), "b", "2");
  EXPECT_EQ(Value(state.get(), "a"), "2");
  state.reset();
  state = OpenIn(directory_.path());
  EXPECT_EQ(*state->ReadMark(), "first");
  EXPECT_EQ(Value(state.get(), "a"), "1");
  EXPECT_EQ(Value(state.get(), "b"), "none");
}

TEST_F(RocksStateTest, RollbackGoesBackToTheLastCommit) {
  auto state = OpenIn(directory_.path());
  Put(state.get(), "a", "1");
  ASSERT_TRUE(state->Commit("first").has_value());
  Put(state.get(), "a", "2");
  ASSERT_TRUE(state->Rollback().has_value());
  EXPECT_EQ(Value(state.get(), "a"), "1");
}

TEST_F(RocksStateTest, WhatACommitWillWriteIsCounted) {
  auto state = OpenIn(directory_.path());
  Put(state.get(), "", std::string(1000, 'x'));
  EXPECT_GT(state->pending_bytes(), 1000u);
  Put(state.get(), "", std::string(500, 'x'));
  EXPECT_LT(state->pending_bytes(), 1000u);
  Put(state.get(), "row", std::string(1000, 'x'));
  EXPECT_GT(state->pending_bytes(), 1500u);
  ASSERT_TRUE(state->Commit("").has_value());
  EXPECT_LT(state->pending_bytes(), 100u);
}

// Files as they are until the disk is said to be full.
class FullDisk : public rocksdb::FileSystemWrapper {
 public:
  enum class Breaks : uint8_t { kNothing, kAppend, kSync };

  FullDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FullDisk"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
    if (status.ok()) *file = std::make_unique<File>(std::move(*file), this);
    return status;
  }

  std::atomic<Breaks> breaks = Breaks::kNothing;

 private:
  class File : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile> file, FullDisk* disk)
        : FSWritableFileOwnerWrapper(std::move(file)), disk_(*disk) {}
    using FSWritableFileOwnerWrapper::Append;
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      if (disk_.breaks == Breaks::kNothing || disk_.breaks == Breaks::kSync) {
        return FSWritableFileOwnerWrapper::Append(data, options, debug);
      }
      // A full disk often takes a part.
      (void)FSWritableFileOwnerWrapper::Append({data.data(), data.size() / 2}, options, debug);
      return rocksdb::IOStatus::NoSpace("the test's disk");
    }
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
      if (disk_.breaks != Breaks::kNothing) return rocksdb::IOStatus::NoSpace("the test's disk");
      return FSWritableFileOwnerWrapper::Sync(options, debug);
    }

   private:
    FullDisk& disk_;
  };
};

class FullDiskTest : public RocksStateTest, public ::testing::WithParamInterface<FullDisk::Breaks> {
 protected:
  std::unique_ptr<RocksState> Open(bool write_ahead_log = true) {
    RocksState::Options options;
    options.path = directory_.path();
    options.memory_bytes = write_ahead_log ? 8 << 20 : 1 << 20;
    options.write_ahead_log = write_ahead_log;
    options.env = env_.get();
    Result<std::unique_ptr<RocksState>> state = RocksState::Open(options);
    EXPECT_TRUE(state.has_value()) << state.error().message;
    return std::move(*state);
  }
  void ExpectFull(const Status& status) {
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code, ErrorCode::kNoSpace) << status.error().message;
    EXPECT_THAT(status.error().message, ::testing::HasSubstr(directory_.path()));
  }

  std::shared_ptr<FullDisk> disk_ = std::make_shared<FullDisk>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(disk_);
};

TEST_P(FullDiskTest, AFailedCommitIsKeptAndMadeWhenThereIsRoom) {
  auto state = Open();
  Put(state.get(), "a", "1");
  Put(state.get(), "", "1");
  ASSERT_TRUE(state->Commit("first").has_value());
  disk_->breaks = GetParam();
  Put(state.get(), "a", "2");
  Put(state.get(), "b", "2");
  Put(state.get(), "", "2");
  for (int attempt = 0; attempt < 3; ++attempt) ExpectFull(state->Commit("second"));
  EXPECT_EQ(Value(state.get(), "a"), "2");
  EXPECT_EQ(Value(state.get(), ""), "2");
  EXPECT_EQ(*state->ReadMark(), "first");
  // More may come meanwhile.
  Put(state.get(), "b", "3");
  Put(state.get(), "", "3");
  ExpectFull(state->Commit("third"));
  disk_->breaks = FullDisk::Breaks::kNothing;
  const Status commit = state->Commit("third");
  ASSERT_TRUE(commit.has_value()) << commit.error().message;
  Put(state.get(), "c", "4");
  ASSERT_TRUE(state->Commit("fourth").has_value());
  state.reset();
  state = Open();
  EXPECT_EQ(*state->ReadMark(), "fourth");
  EXPECT_EQ(Value(state.get(), "a"), "2");
  EXPECT_EQ(Value(state.get(), "b"), "3");
  EXPECT_EQ(Value(state.get(), "c"), "4");
  EXPECT_EQ(Value(state.get(), ""), "3");
}

TEST_P(FullDiskTest, TheVeryFirstCommitMayFailToo) {
  auto state = Open();
  disk_->breaks = GetParam();
  Put(state.get(), "a", "1");
  ExpectFull(state->Commit("first"));
  ExpectFull(state->Commit("first"));
  disk_->breaks = FullDisk::Breaks::kNothing;
  const Status commit = state->Commit("first");
  ASSERT_TRUE(commit.has_value()) << commit.error().message;
  Put(state.get(), "b", "2");
  ASSERT_TRUE(state->Commit("second").has_value());
  state.reset();
  state = Open();
  EXPECT_EQ(*state->ReadMark(), "second");
  EXPECT_EQ(Value(state.get(), "a"), "1");
  EXPECT_EQ(Value(state.get(), "b"), "2");
}

TEST_P(FullDiskTest, AFailedCommitRolledBackIsWhollyInOrWhollyOut) {
  auto state = Open();
  Put(state.get(), "a", "1");
  ASSERT_TRUE(state->Commit("first").has_value());
  disk_->breaks = GetParam();
  Put(state.get(), "a", "2");
  Put(state.get(), "b", "2");
  ExpectFull(state->Commit("second"));
  if (!state->Rollback().has_value()) {
    ExpectFull(state->Rollback());
    EXPECT_FALSE(state->ReadMark().has_value());
    EXPECT_FALSE(state->ReadHeader(partition_, &arena_).has_value());
    EXPECT_FALSE(state->Commit("no").has_value());
    disk_->breaks = FullDisk::Breaks::kNothing;
    ASSERT_TRUE(state->Rollback().has_value());
  }
  disk_->breaks = FullDisk::Breaks::kNothing;
  const bool is_in = *state->ReadMark() == "second";
  EXPECT_EQ(Value(state.get(), "a"), is_in ? "2" : "1");
  EXPECT_EQ(Value(state.get(), "b"), is_in ? "2" : "none");
  // Nor does it come back later.
  Put(state.get(), "c", "3");
  ASSERT_TRUE(state->Commit("third").has_value());
  state.reset();
  state = Open();
  EXPECT_EQ(*state->ReadMark(), "third");
  EXPECT_EQ(Value(state.get(), "b"), is_in ? "2" : "none");
  EXPECT_EQ(Value(state.get(), "c"), "3");
}

// What is in memory alone must not be lost by closing the store, as is done where there is a log.
TEST_P(FullDiskTest, WithoutALogNoCommitIsLost) {
  auto state = Open(/*write_ahead_log=*/false);
  disk_->breaks = GetParam();
  int commits = 0;
  for (; commits < 10'000; ++commits) {
    Put(state.get(), "row" + std::to_string(commits), std::string(500, 'x'));
    const Status commit = state->Commit(std::to_string(commits + 1));
    if (commit.has_value()) continue;
    ExpectFull(commit);
    break;
  }
  ASSERT_GT(commits, 100);
  ASSERT_LT(commits, 10'000) << "RocksDB takes what it cannot write anywhere";
  ExpectFull(state->Commit("no"));
  EXPECT_EQ(Value(state.get(), "row0"), std::string(500, 'x'));
  ASSERT_TRUE(state->Rollback().has_value());
  EXPECT_EQ(*state->ReadMark(), std::to_string(commits));
  EXPECT_EQ(Value(state.get(), "row" + std::to_string(commits)), "none");
  Put(state.get(), "last", "1");
  disk_->breaks = FullDisk::Breaks::kNothing;
  const Status commit = state->Commit("last");
  ASSERT_TRUE(commit.has_value()) << commit.error().message;
  state.reset();
  state = Open();
  EXPECT_EQ(*state->ReadMark(), "last");
  EXPECT_EQ(Value(state.get(), "last"), "1");
  for (int i = 0; i < commits; ++i) EXPECT_EQ(Value(state.get(), "row" + std::to_string(i)).size(), 500u) << i;
}

INSTANTIATE_TEST_SUITE_P(Rocks, FullDiskTest, ::testing::Values(FullDisk::Breaks::kAppend, FullDisk::Breaks::kSync),
                         [](const auto& test) {
                           return std::string(test.param == FullDisk::Breaks::kAppend ? "Append" : "Sync");
                         });

TEST_F(RocksStateTest, ADirectoryThatIsNoneIsRefusedByName) {
  RocksState::Options options;
  options.path = "/dev/null/state";
  const auto state = RocksState::Open(options);
  ASSERT_FALSE(state.has_value());
  EXPECT_EQ(state.error().code, ErrorCode::kIoError);
  EXPECT_THAT(state.error().message, ::testing::HasSubstr("/dev/null/state"));
}

}  // namespace
}  // namespace braid::testing
