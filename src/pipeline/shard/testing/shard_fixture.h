// A shard over a state on disk, a timeline that keeps texts, and a book that is told its tables. Only tests include
// it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "codec/mutation.h"
#include "pipeline/shard/shard.h"
#include "reconcile/rocksdb/rocks_state.h"
#include "reconcile/testing/toy_change.h"
#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_table.h"

namespace braid {

// A timeline that keeps the text of what was appended.
class FakeTimeline : public TimelineWriter {
 public:
  uint64_t Append(const Change& change) override {
    if (!change.confirmed) ++unconfirmed;
    return Add(testing::ChangeText(change));
  }
  uint64_t Append(const Gap& gap) override { return Add(gap.open ? "gap opened" : "gap closed"); }
  Status Sync(int64_t) override {
    if (full) return NoSpace("/timeline: no space left");
    synced_ = lines_.size();
    return {};
  }
  Status Publish() override {
    published.assign(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(synced_));
    return {};
  }
  Status Rollback() override {
    lines_ = published;
    return {};
  }
  uint64_t end() const override { return lines_.size() + 1; }
  size_t pending_bytes() const override { return 100 * (lines_.size() - published.size()); }
  Status Retain(int64_t, uint64_t, uint64_t) override { return {}; }
  Stats stats() const override { return {}; }

  bool full = false;
  int unconfirmed = 0;
  std::vector<std::string> published;

 private:
  uint64_t Add(std::string line) {
    lines_.push_back(std::move(line));
    return lines_.size();
  }
  std::vector<std::string> lines_;
  size_t synced_ = 0;
};

class FakeBook : public SchemaBook {
 public:
  void Set(const TableSchemaPtr& table) {
    all_[table->id.value] = table;
    newest_[table->table_id] = table;
    ++version_;
  }
  // Set, and among CapturedTables.
  void Capture(const TableSchemaPtr& table) {
    Set(table);
    captured_.push_back(table.get());
  }
  uint64_t version() const override { return version_; }
  const TableSchema* FindTable(const TableId& id) const override {
    const auto found = newest_.find(id);
    return found == newest_.end() ? nullptr : found->second.get();
  }
  const TableSchema* Find(SchemaId id) const override {
    const auto found = all_.find(id.value);
    return found == all_.end() ? nullptr : found->second.get();
  }
  std::vector<const TableSchema*> CapturedTables() const override { return captured_; }
  bool HistoryKnown(const TableId&) const override { return history_known; }

  bool history_known = true;

 private:
  std::map<uint64_t, TableSchemaPtr> all_;
  std::map<TableId, TableSchemaPtr> newest_;
  std::vector<const TableSchema*> captured_;
  uint64_t version_ = 0;
};

class ShardTest : public ::testing::Test {
 protected:
  ShardTest() {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    path_ = std::filesystem::temp_directory_path() / ("braid_shard_test_" + name);
    std::filesystem::remove_all(path_);
    UseTable("titles (id int key, title text)");
    Start();
  }
  ~ShardTest() override {
    shard_.reset();
    state_.reset();
    std::filesystem::remove_all(path_);
  }

  void UseTable(const std::string& text) {
    table_ = std::const_pointer_cast<TableSchema>(testing::ParseTable(text));
    table_->cdc = true;
    table_->id = ComputeSchemaId(*table_);
    registry_.Set(table_);
  }

  // As a process starts: from the state's mark.
  void Start() {
    shard_.reset();
    state_.reset();
    auto state = RocksState::Open({.path = path_.string(), .memory_bytes = 16 << 20, .sync = false});
    ASSERT_TRUE(state.has_value()) << state.error().message;
    state_ = *std::move(state);
    const auto mark = DecodeMark(*state_->ReadMark());
    ASSERT_TRUE(mark.has_value());
    ASSERT_TRUE(timeline_.Rollback().has_value());
    ASSERT_EQ(mark->timeline_end, timeline_.end());
    shard_ = std::make_unique<Shard>(Shard::Options{.commit_bytes = commit_bytes_,
                                                    .commit = commit_,
                                                    .nodes = {{1}, {2}},
                                                    .hold = hold_,
                                                    .touched_rows = touched_rows_,
                                                    .truncate_rows = truncate_rows_},
                                     Shard::Rooms{state_.get(), &timeline_, &registry_}, *mark);
  }

  Message Write(const std::string& line) {
    const Mutation mutation = reader_.Read(*table_, line, &arena_);
    Message message;
    message.position = mutation.position;
    AppendTransaction(&message.bytes, {.position = mutation.position, .mutations = {&mutation, 1}});
    return message;
  }
  static Message Progress(uint16_t node, uint64_t offset, int64_t watermark_s) {
    Message message;
    message.kind = Message::Kind::kProgress;
    message.position = {{node}, {1}, offset};
    message.time = {watermark_s * 1'000'000};
    return message;
  }
  Message Truncation(uint16_t node, uint64_t cut, uint64_t seen_at) {
    Message message;
    message.kind = Message::Kind::kTruncation;
    message.table = table_->table_id;
    message.cut = {{node}, {1}, cut};
    message.position = {{node}, {1}, seen_at};
    message.time = {500};
    return message;
  }
  Message SchemaOf() {
    Message message;
    message.kind = Message::Kind::kSchema;
    message.table = table_->table_id;
    return message;
  }

  void Take(const Message& message) {
    const Status taken = shard_->Take(message, 0);
    ASSERT_TRUE(taken.has_value()) << taken.error().message;
  }
  void Tick() {
    while (*shard_->Tick(0)) {
    }
  }
  const std::vector<std::string>& Published() {
    const Status committed = shard_->Commit(1'000);
    EXPECT_TRUE(committed.has_value());
    return timeline_.published;
  }

  std::filesystem::path path_;
  Arena arena_;
  testing::ToyReader reader_;
  std::shared_ptr<TableSchema> table_;
  FakeBook registry_;
  FakeTimeline timeline_;
  std::unique_ptr<RocksState> state_;
  Hold::Options hold_;
  uint64_t commit_bytes_ = 1 << 20;
  size_t touched_rows_ = 1000;
  bool truncate_rows_ = false;
  std::function<Status()> commit_;
  std::unique_ptr<Shard> shard_;
};

}  // namespace braid
