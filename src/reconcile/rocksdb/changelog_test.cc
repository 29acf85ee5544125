// A state and what of it is kept elsewhere.
#include "reconcile/rocksdb/changelog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "base/testing/run_again.h"
#include "reconcile/rocksdb/rocks_state.h"

namespace braid::testing {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kShard = 3;

class Directory {
 public:
  Directory() {
    char path[] = "/tmp/braid_changelog_XXXXXX";
    path_ = mkdtemp(path);
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::unique_ptr<RocksState> OpenIn(const std::string& path, uint64_t memory_bytes = 8 << 20) {
  RocksState::Options options;
  options.path = path;
  options.shard = kShard;
  options.memory_bytes = memory_bytes;
  options.write_ahead_log = false;
  auto state = RocksState::Open(options);
  EXPECT_TRUE(state.has_value()) << state.error().message;
  return std::move(*state);
}

TableId Table(char name) {
  TableId table;
  table.bytes.fill(static_cast<uint8_t>(name));
  return table;
}

// Everything in a closed store.
using Content = std::map<std::string, std::string>;
Content ReadAll(const std::string& path) {
  rocksdb::DB* opened = nullptr;
  EXPECT_TRUE(rocksdb::DB::OpenForReadOnly({}, path, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator({}));
  Content content;
  for (it->SeekToFirst(); it->Valid(); it->Next()) content[it->key().ToString()] = it->value().ToString();
  EXPECT_TRUE(it->status().ok());
  return content;
}

// A topic: what was told, in order.
class Topic : public PendingVisitor {
 public:
  Status OnPending(ByteView key, std::optional<ByteView> value) override {
    EXPECT_TRUE(seen_.emplace(key).second) << "told twice in one commit";
    records_.emplace_back(key, value);
    return {};
  }
  void EndCommit() { seen_.clear(); }
  size_t size() const { return records_.size(); }

  // Leaves out some of what a later record of the same key replaces, and some deletions that have nothing left before
  // them.
  void Compact(std::mt19937_64* random) {
    std::set<std::string> later;
    std::vector<Record> kept;
    for (auto it = records_.rbegin(); it != records_.rend(); ++it) {
      if (later.insert(it->first).second || (*random)() % 2 == 0) kept.push_back(*it);
    }
    std::ranges::reverse(kept);
    std::set<std::string> earlier;
    std::erase_if(kept, [&](const Record& record) {
      return earlier.insert(record.first).second && !record.second.has_value() && (*random)() % 2 == 0;
    });
    records_ = std::move(kept);
  }
  void RestoreTo(RocksState* state, size_t every) const {
    size_t n = 0;
    for (const auto& [key, value] : records_) {
      ASSERT_TRUE(state->Restore(key, value).has_value());
      if (++n % every != 0) continue;
      ASSERT_TRUE(state->Commit("not whole").has_value());
    }
  }

 private:
  using Record = std::pair<std::string, std::optional<std::string>>;
  std::vector<Record> records_;
  std::set<std::string> seen_;
};

// Random writes, each as the last one of its row left its timer.
class Writer {
 public:
  Writer(uint64_t seed, RocksState* state) : random_(seed), state_(state) {}

  void Step() {
    const uint64_t dice = Below(40);
    const std::string partition(1, static_cast<char>('p' + Below(3)));
    const char table = static_cast<char>('a' + Below(2));
    const PartitionRef ref{Table(table), Token{int64_t(Below(2)) - 1}, partition};
    if (dice == 0) return ForgetTable(table);
    if (dice < 3) return ForgetPartition(ref, table);
    if (dice < 10) return WriteHeader(ref);
    WriteRow(ref, table);
  }
  std::mt19937_64& random() { return random_; }
  uint64_t Below(uint64_t n) { return random_() % n; }

 private:
  static std::string Name(char table, const PartitionRef& partition) {
    return std::string(1, table) + std::to_string(partition.token.value) + std::string(partition.key);
  }
  void ForgetTable(char table) {
    ASSERT_TRUE(state_->ForgetTable(Table(table)).has_value());
    Forget(std::string(1, table));
  }
  void ForgetPartition(const PartitionRef& partition, char table) {
    ASSERT_TRUE(state_->ForgetPartition(partition).has_value());
    Forget(Name(table, partition));
  }
  void Forget(const std::string& prefix) {
    std::erase_if(due_, [&](const auto& due) { return due.first.starts_with(prefix); });
  }
  void WriteHeader(const PartitionRef& partition) {
    PartitionHeader header;
    header.clock = WriteTime{int64_t(Below(1000))};
    const bool erases = Below(3) == 0;
    ASSERT_TRUE(state_->Write({partition, erases ? nullptr : &header, erases, {}}).has_value());
  }
  void WriteRow(const PartitionRef& partition, char table) {
    const std::string key(Below(4), 'k');
    const bool is_static = key.empty() && Below(2) == 0;
    UnixSeconds& due = due_[Name(table, partition) + "/" + (is_static ? "static" : key)];
    const UnixSeconds before = due;
    due = Below(3) == 0 ? UnixSeconds{int64_t(Below(50))} : UnixSeconds::Never();
    const std::string value(Below(40), static_cast<char>('0' + Below(10)));
    Cell cell;
    cell.value = value;
    RowState row;
    row.cells = {&cell, 1};
    const bool erases = Below(4) == 0;
    if (erases) due = UnixSeconds::Never();
    const RowDelta delta{{is_static, key}, erases ? nullptr : &row, before, due};
    ASSERT_TRUE(state_->Write({partition, nullptr, false, {&delta, 1}}).has_value());
  }

  std::mt19937_64 random_;
  RocksState* const state_;
  std::map<std::string, UnixSeconds> due_;
};

void Commit(RocksState* state, Topic* topic, const std::string& mark) {
  ASSERT_TRUE(state->VisitPending(topic).has_value());
  topic->EndCommit();
  ASSERT_TRUE(state->Commit(mark).has_value());
}

// Of what the topic holds a store is made that is the first one byte for byte: so all that is read of it is equal.
RC_GTEST_PROP(ChangelogLaw, WhatIsToldMakesTheSameStore, ()) {
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  const auto steps = *rc::gen::inRange<size_t>(0, 300);
  Directory first;
  Directory second;
  {
    Topic topic;
    auto state = OpenIn(first.path());
    Writer writer(seed, state.get());
    for (size_t i = 0; i < steps; ++i) {
      writer.Step();
      if (writer.Below(8) == 0) Commit(state.get(), &topic, "mark");
      // Reads put rows where they are found in order, which changes what is pending into another form.
      Arena arena;
      std::vector<RowEntry> rows;
      if (writer.Below(3) == 0)
        RC_ASSERT(state->ReadRows({Table('a'), Token{0}, "p"}, {}, 9, &arena, &rows).has_value());
      if (writer.Below(20) == 0) topic.Compact(&writer.random());
    }
    Commit(state.get(), &topic, "last");
    auto restored = OpenIn(second.path());
    topic.RestoreTo(restored.get(), 1 + writer.Below(50));
    RC_ASSERT(restored->Commit("last").has_value());
  }
  RC_ASSERT(ReadAll(first.path()) == ReadAll(second.path()));
}

class ChangelogTest : public ::testing::Test {
 protected:
  static Status Put(RocksState* state, const PartitionRef& partition, const std::string& key, const std::string& value,
                    UnixSeconds due = UnixSeconds::Never(), UnixSeconds due_before = UnixSeconds::Never()) {
    Cell cell;
    cell.value = value;
    RowState row;
    row.cells = {&cell, 1};
    const RowDelta delta{{false, key}, &row, due_before, due};
    return state->Write({partition, nullptr, false, {&delta, 1}});
  }

  Directory directory_;
  const PartitionRef partition_{Table('t'), Token{1}, "p"};
};

TEST_F(ChangelogTest, NothingPendingIsNothingToTell) {
  auto state = OpenIn(directory_.path());
  Topic topic;
  ASSERT_TRUE(Put(state.get(), partition_, "k", "v").has_value());
  ASSERT_TRUE(state->Commit("mark").has_value());
  ASSERT_TRUE(state->VisitPending(&topic).has_value());
  EXPECT_EQ(topic.size(), 0u);
}

TEST_F(ChangelogTest, ATimerThatCameAndWentWithinOneCommitIsNotTold) {
  auto state = OpenIn(directory_.path());
  Topic topic;
  ASSERT_TRUE(Put(state.get(), partition_, "k", "v", UnixSeconds{5}).has_value());
  ASSERT_TRUE(Put(state.get(), partition_, "k", "w", UnixSeconds::Never(), UnixSeconds{5}).has_value());
  ASSERT_TRUE(state->VisitPending(&topic).has_value());
  EXPECT_EQ(topic.size(), 2u);  // the partition's record and the row
}

TEST_F(ChangelogTest, ForgettingATableTellsOfEachKeyThatTheStoreHas) {
  auto state = OpenIn(directory_.path());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Put(state.get(), partition_, "k" + std::to_string(i), "v").has_value());
  ASSERT_TRUE(state->Commit("mark").has_value());
  ASSERT_TRUE(Put(state.get(), partition_, "never committed", "v").has_value());
  ASSERT_TRUE(state->ForgetTable(partition_.table).has_value());
  ASSERT_TRUE(Put(state.get(), partition_, "k7", "w").has_value());
  class Counter : public PendingVisitor {
   public:
    Status OnPending(ByteView, std::optional<ByteView> value) override {
      ++(value.has_value() ? puts : deletions);
      return {};
    }
    int puts = 0;
    int deletions = 0;
  } counter;
  ASSERT_TRUE(state->VisitPending(&counter).has_value());
  EXPECT_EQ(counter.puts, 2);        // the partition's record and k7
  EXPECT_EQ(counter.deletions, 99);  // the other rows
}

TEST_F(ChangelogTest, AVisitorsErrorComesOut) {
  auto state = OpenIn(directory_.path());
  ASSERT_TRUE(Put(state.get(), partition_, "k", "v").has_value());
  class Refusing : public PendingVisitor {
    Status OnPending(ByteView, std::optional<ByteView>) override { return IoError("no more"); }
  } refusing;
  const Status visited = state->VisitPending(&refusing);
  ASSERT_FALSE(visited.has_value());
  EXPECT_EQ(visited.error().message, "no more");
  EXPECT_TRUE(state->Commit("mark").has_value());
}

TEST_F(ChangelogTest, WhatIsOfAnotherShardIsRefused) {
  auto state = OpenIn(directory_.path());
  for (const std::string& key : {std::string(), ChangelogMarkKey(kShard), std::string("\1\0\0\0\4x", 6),
                                 std::string("\2\0\0\0\4x", 6), std::string("\3\0\0\0\3x", 6)}) {
    const Status restored = state->Restore(key, "value");
    ASSERT_FALSE(restored.has_value());
    EXPECT_EQ(restored.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(restored.error().message, HasSubstr("shard 3"));
  }
}

TEST_F(ChangelogTest, AMarkOfANewerVersionIsRefusedByName) {
  EXPECT_EQ(*DecodeChangelogMark(EncodeChangelogMark("mark")), "mark");
  EXPECT_EQ(EncodeChangelogMark("mark"), std::string("\1mark"));
  EXPECT_EQ(ChangelogMarkKey(258), std::string("\0\0\0\1\2", 5));
  EXPECT_EQ(DecodeChangelogMark("").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(DecodeChangelogMark("\2mark").error().code, ErrorCode::kUnsupported);
}

// What a process that writes without a log leaves behind: commit i puts i under the key i mod kKeys.
constexpr uint64_t kKeys = 97;
constexpr uint64_t kSmallMemory = 1 << 20;

Status Live(const std::string& path, uint64_t commits) {
  const auto state = OpenIn(path, kSmallMemory);
  ASSIGN_OR_RETURN(const std::string mark, state->ReadMark());
  const uint64_t first = mark.empty() ? 1 : std::stoull(mark) + 1;
  for (uint64_t i = first; i < first + commits; ++i) {
    const PartitionRef partition{Table('t'), Token{int64_t(i % kKeys)}, "p"};
    for (const std::string key : {"", "a", "b"}) {
      Cell cell;
      const std::string value = std::to_string(i) + std::string(300, ' ');
      cell.value = value;
      RowState row;
      row.cells = {&cell, 1};
      const RowDelta delta{{false, key}, &row, UnixSeconds::Never(), UnixSeconds::Never()};
      TRY(state->Write({partition, nullptr, false, {&delta, 1}}));
    }
    TRY(state->Commit(std::to_string(i)));
  }
  if (std::getenv("BRAID_STATE_TEST_ENDS") == nullptr) std::raise(SIGKILL);
  return {};
}

void ExpectExactly(const std::string& path, uint64_t last) {
  const auto state = OpenIn(path, kSmallMemory);
  EXPECT_EQ(*state->ReadMark(), last == 0 ? "" : std::to_string(last));
  for (uint64_t k = 0; k < kKeys; ++k) {
    for (const std::string key : {"", "a", "b"}) {
      Arena arena;
      const auto row = state->ReadRow({Table('t'), Token{int64_t(k)}, "p"}, {false, key}, &arena);
      ASSERT_TRUE(row.has_value()) << row.error().message;
      const uint64_t expected = last < k ? 0 : last - (last - k) % kKeys;
      ASSERT_EQ(*row == nullptr ? 0 : std::stoull(std::string((*row)->cells[0].value)), expected) << k;
    }
  }
}

TEST(ChangelogKillTest, DISABLED_Live) {
  const Status status = Live(std::getenv("BRAID_STATE_TEST"), std::stoull(std::getenv("BRAID_STATE_TEST_COMMITS")));
  ASSERT_TRUE(status.has_value()) << status.error().message;
}

TEST(ChangelogKillTest, AKilledProcessLeavesTheStateOfOneCommit) {
  Directory directory;
  bool lost_some = false;
  bool kept_some = false;
  uint64_t before = 0;
  for (const std::string commits : {"10", "700", "1311", "2500", "401", "3000"}) {
    SCOPED_TRACE(commits);
    ASSERT_EQ(RunThisProgramAgain("ChangelogKillTest.DISABLED_Live",
                                  {{"BRAID_STATE_TEST", directory.path()}, {"BRAID_STATE_TEST_COMMITS", commits}}),
              128 + SIGKILL);
    const std::string mark = *OpenIn(directory.path(), kSmallMemory)->ReadMark();
    const uint64_t last = mark.empty() ? 0 : std::stoull(mark);
    lost_some = lost_some || last < before + std::stoull(commits);
    kept_some = kept_some || last > before;
    ExpectExactly(directory.path(), last);
    before = last;
  }
  EXPECT_TRUE(lost_some) << "nothing was still in memory: this tests nothing";
  EXPECT_TRUE(kept_some);
}

TEST(ChangelogKillTest, AProcessThatEndsLeavesTheLastCommit) {
  Directory directory;
  ASSERT_EQ(RunThisProgramAgain("ChangelogKillTest.DISABLED_Live", {{"BRAID_STATE_TEST", directory.path()},
                                                                    {"BRAID_STATE_TEST_COMMITS", "1234"},
                                                                    {"BRAID_STATE_TEST_ENDS", "1"}}),
            0);
  ExpectExactly(directory.path(), 1234);
}

}  // namespace
}  // namespace braid::testing
