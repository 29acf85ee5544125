// A pipeline of one shard in a temporary directory, with the state, the timeline and the schema log that a real one
// has, and ways to spoil it. Only tests include it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "capture/schema_log.h"
#include "cassandra/types/comparable.h"
#include "codec/change.h"
#include "codec/mutation.h"
#include "model/key.h"
#include "pipeline/run/node_table.h"
#include "pipeline/shard/shard.h"
#include "pipeline/verify/verify.h"
#include "reconcile/rocksdb/rocks_state.h"
#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_table.h"
#include "timeline/reader.h"
#include "timeline/writer.h"

namespace braid {

class ToyBook : public SchemaBook {
 public:
  void Set(const TableSchemaPtr& table) {
    all_.Add(table);
    newest_[table->table_id] = table;
    ++version_;
  }
  uint64_t version() const override { return version_; }
  const TableSchema* FindTable(const TableId& id) const override {
    const auto found = newest_.find(id);
    return found == newest_.end() ? nullptr : found->second.get();
  }
  const TableSchema* Find(SchemaId id) const override { return all_.Find(id); }
  std::vector<const TableSchema*> CapturedTables() const override { return {}; }
  bool HistoryKnown(const TableId&) const override { return history_known; }

  bool history_known = true;

 private:
  SchemaSet all_;
  std::map<TableId, TableSchemaPtr> newest_;
  uint64_t version_ = 0;
};

// The byte-comparable key of these clustering values, as a commit log's decoder makes it. (Toys have keys of their
// own.)
inline std::string RealKey(const TableSchema& schema, ByteView clustering) {
  std::string key;
  ClusteringReader values(clustering);
  for (const ColumnId id : schema.clustering) {
    const auto value = values.Next();
    if (!value.has_value()) break;
    AppendComparable(*schema.column(id).type, schema.column(id).descending, value->bytes, &key);
  }
  return key;
}

// One record of a timeline, to be changed before it is written again.
struct StoredRecord {
  int64_t emitted_us = 0;
  std::string change;  // in codec form; empty: a gap
};

class ToyPipeline {
 public:
  explicit ToyPipeline(const std::string& name, const Shard::Options& options = {})
      : path_(std::filesystem::temp_directory_path() / ("braid_verify_test_" + name + "." + std::to_string(getpid()))),
        options_(options) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_ / "shards");
    options_.nodes = {{0}, {1}, {2}};
    Must(WriteIdentity(PosixFileSystem(), path_.string(), {.epoch = 7, .shards = 1, .nodes = {}}));
  }
  ~ToyPipeline() {
    Close();
    std::filesystem::remove_all(path_);
  }

  static void Must(const Status& status) { ASSERT_TRUE(status.has_value()) << status.error().message; }

  void UseTable(const std::string& text, int64_t gc_grace_s = 864000) {
    auto table = std::make_shared<TableSchema>(*testing::ParseTable(text));
    table->gc_grace_s = gc_grace_s;
    table->id = ComputeSchemaId(*table);
    table_ = table;
    registry.Set(table);
    auto log = SchemaLog::Open(PosixFileSystem(), SchemaLogPath(path_.string()));
    ASSERT_TRUE(log.has_value());
    Must(log->first->Append({{SchemaRecord::Kind::kDefinition, table->table_id, table, {}}}));
    if (shard_ != nullptr) {
      Message message;
      message.kind = Message::Kind::kSchema;
      message.table = table->table_id;
      Take(message);
    }
  }
  const TableSchema& table() const { return *table_; }

  // As a process starts.
  void Open() {
    OpenState();
    const auto mark = DecodeMark(*state_->ReadMark());
    ASSERT_TRUE(mark.has_value());
    OpenTimeline(mark->timeline_end);
    shard_ = std::make_unique<Shard>(options_, Shard::Rooms{state_.get(), timeline_.get(), &registry}, *mark);
  }
  // What is not committed is lost, as by a kill.
  void Close() {
    shard_.reset();
    timeline_.reset();
    state_.reset();
  }

  void Take(const Message& message) { Must(shard_->Take(message, now_us)); }
  void Write(const std::string& line) {
    const Mutation mutation = WithRealKeys(reader_.Read(*table_, line, &arena_));
    Message message;
    message.position = mutation.position;
    AppendTransaction(&message.bytes, {.position = mutation.position, .mutations = {&mutation, 1}});
    Take(message);
    positions_[mutation.position.node.value] = mutation.position.offset;
  }
  // Of all nodes.
  void Pass(int64_t watermark_s) {
    for (const uint16_t node : {0, 1, 2}) {
      Message message;
      message.kind = Message::Kind::kProgress;
      message.position = {{node}, {1}, positions_[node]};
      message.time = {watermark_s * 1'000'000};
      Take(message);
    }
    Tick();
  }
  void Tick() {
    for (bool more = true; more;) {
      const auto ticked = shard_->Tick(now_us);
      ASSERT_TRUE(ticked.has_value()) << ticked.error().message;
      more = *ticked;
    }
  }
  void Truncate() {
    for (const uint16_t node : {0, 1, 2}) {
      Message message;
      message.kind = Message::Kind::kTruncation;
      message.table = table_->table_id;
      message.cut = message.position = {{node}, {1}, positions_[node]};
      if (positions_[node] == 0) continue;
      message.time = {500};
      Take(message);
    }
  }
  // The table's rows as all nodes' files have them: a line for each partition. `whole`, `repair`: see SnapshotNote.
  void Snapshot(const std::vector<std::string>& lines, bool whole, bool repair) {
    std::map<std::pair<Token, std::string>, Mutation> pieces;
    for (const std::string& line : lines) {
      const Mutation piece = WithRealKeys(reader_.Read(*table_, line, &arena_));
      pieces.emplace(std::pair(piece.token, std::string(piece.partition_key)), piece);
    }
    Message message;
    message.table = table_->table_id;
    message.snapshot.task = message.snapshot.attempt = ++snapshots_;
    message.snapshot.whole = whole;
    message.snapshot.repair = repair;
    message.snapshot.token = {INT64_MIN};
    message.kind = Message::Kind::kSnapshotBegin;
    Take(message);
    message.kind = Message::Kind::kSnapshotPiece;
    for (const auto& [place, piece] : pieces) {
      message.bytes.clear();
      AppendTransaction(&message.bytes, {.position = piece.position, .mutations = {&piece, 1}});
      Take(message);
    }
    message.kind = Message::Kind::kSnapshotEnd;
    message.bytes.clear();
    message.snapshot.token = {INT64_MAX};
    message.snapshot.done = true;
    Take(message);
  }
  void ToggleGap(bool open) {
    Message message;
    message.kind = Message::Kind::kGap;
    message.gap = {.id = 9, .open = open, .detail = "here"};
    Take(message);
  }
  void Commit() { Must(shard_->Commit(now_us)); }
  // Ends with a gap, so that the last record is no event, and closes.
  void Finish() {
    ToggleGap(true);
    Commit();
    Close();
  }

  Result<TimelineVerdict> TryVerify(const VerifyOptions& more = {}) const {
    VerifyOptions options = more;
    options.state = path_.string();
    options.memory_bytes = 1 << 20;
    return VerifyTimeline(options);
  }
  TimelineVerdict Verify(const VerifyOptions& more = {}) const {
    auto verdict = TryVerify(more);
    EXPECT_TRUE(verdict.has_value()) << verdict.error().message;
    return verdict.has_value() ? *std::move(verdict) : TimelineVerdict();
  }

  std::vector<StoredRecord> ReadTimeline() const {
    std::vector<StoredRecord> records;
    auto reader = TimelineReader::Open(PosixFileSystem(), {.directory = timeline_path(), .wanted = {}});
    EXPECT_TRUE(reader.has_value());
    for (;;) {
      const auto record = (*reader)->Next();
      EXPECT_TRUE(record.has_value());
      if (!record.has_value() || *record == nullptr) return records;
      records.push_back({(*record)->emitted_us, {}});
      if ((*record)->change != nullptr) AppendChange(&records.back().change, *(*record)->change);
    }
  }
  // Instead of the timeline that there is.
  void WriteTimeline(const std::vector<StoredRecord>& records) {
    std::filesystem::remove_all(timeline_path());
    OpenTimeline(1);
    Arena arena;
    for (size_t i = 0; i < records.size(); ++i) {
      if (records[i].change.empty()) {
        timeline_->Append(Gap{.id = 1, .detail = "a gap"});
      } else {
        timeline_->Append(*Decode(records[i].change, &arena));
      }
      // What was emitted within a second is one batch here: syncs take long.
      const bool last =
          i + 1 == records.size() || records[i + 1].emitted_us / 1'000'000 > records[i].emitted_us / 1'000'000;
      if (last) Must(timeline_->Sync(records[i].emitted_us));
    }
    Must(timeline_->Publish());
    timeline_.reset();
  }
  Result<Change> Decode(const std::string& change, Arena* arena) const {
    return DecodeChange(change, {}, registry, arena);
  }

  // Changes the state in one commit, without a word to the timeline.
  void SpoilState(const std::function<void(RocksState*)>& spoil) {
    OpenState();
    spoil(state_.get());
    Must(state_->Commit(*state_->ReadMark()));
    state_.reset();
  }

  std::string path() const { return path_.string(); }
  std::string state_path() const { return ShardStatePath(path_.string(), 0); }
  std::string timeline_path() const { return TimelinePath(path_.string(), 0); }
  TimelineWriter* timeline() { return timeline_.get(); }
  testing::ToyReader* reader() { return &reader_; }

  ToyBook registry;
  int64_t now_us = 1'000;
  uint64_t segment_bytes = uint64_t{64} << 20;

 private:
  Mutation WithRealKeys(Mutation mutation) {
    const std::span<RowUpdate> rows = arena_.CopyArray(mutation.rows);
    for (RowUpdate& row : rows) row.key = arena_.Copy(RealKey(*mutation.schema, row.clustering));
    const std::span<RangeDeletion> ranges = arena_.CopyArray(mutation.ranges);
    const auto cut = [&](Bound* bound, bool after) {
      std::string key = RealKey(*mutation.schema, bound->values);
      if (after) AppendCutAfter(&key);
      bound->cut = arena_.Copy(key);
    };
    for (RangeDeletion& range : ranges) {
      cut(&range.start, range.start.size > 0 && !range.start.inclusive);
      cut(&range.end, range.end.size == 0 || range.end.inclusive);
    }
    mutation.rows = rows;
    mutation.ranges = ranges;
    return mutation;
  }

  void OpenState() {
    auto state = RocksState::Open({.path = state_path(), .memory_bytes = 4 << 20, .sync = false});
    ASSERT_TRUE(state.has_value()) << state.error().message;
    state_ = *std::move(state);
  }
  void OpenTimeline(uint64_t end) {
    auto timeline = TimelineWriter::Open(
        PosixFileSystem(), {.directory = timeline_path(), .epoch = 7, .segment_bytes = segment_bytes}, end);
    ASSERT_TRUE(timeline.has_value()) << timeline.error().message;
    timeline_ = *std::move(timeline);
  }

  const std::filesystem::path path_;
  Shard::Options options_;
  Arena arena_;
  testing::ToyReader reader_;
  TableSchemaPtr table_;
  std::map<uint16_t, uint64_t> positions_;
  uint64_t snapshots_ = 0;
  std::unique_ptr<RocksState> state_;
  std::unique_ptr<TimelineWriter> timeline_;
  std::unique_ptr<Shard> shard_;
};

}  // namespace braid
