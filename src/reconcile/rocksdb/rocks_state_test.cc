#include "reconcile/rocksdb/rocks_state.h"

#include <unistd.h>

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
