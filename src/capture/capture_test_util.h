// A node that writes its commit log as Cassandra does, on the real file system, and a sink that keeps what it is given.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/cursor.h"
#include "capture/node_capture.h"
#include "cassandra/commitlog/mutation_test_util.h"
#include "cassandra/commitlog/segment_test_util.h"

namespace braid {

namespace fs = std::filesystem;

inline constexpr int64_t kSecondUs = 1'000'000;

// A mutation of ks.films, the row (at, "joel").
inline std::string Film(int32_t at) {
  return RowBytes()
      .Vint(1)
      .Raw(FilmPart(0x10).Columns({}).Vint(1).U8(0x24).Raw(FilmClustering(at, "joel")).Vint(1).U8(1))
      .bytes();
}

// A part of some other table: bytes that only that table's definition could tell the end of.
inline std::string OtherPart(const char* id) {
  return RowBytes().Raw(id).Text(Int(842)).U8(0x01).bytes();
}

// A mutation of one of Cassandra's own tables.
inline std::string SystemWrite() {
  std::string id(16, '\x11');
  id[6] = '\x31';
  return RowBytes().Vint(1).Raw(OtherPart(id.c_str())).bytes();
}

class SchemasForTest : public SchemaRegistry {
 public:
  SchemasForTest() { Define(FilmsTable()); }

  void Define(TableSchema table, bool cdc = true) {
    table.cdc = cdc;
    table.id = {next_++};
    all_.push_back(std::make_unique<TableSchema>(std::move(table)));
    newest_[all_.back()->table_id] = all_.back().get();
    ++version_;
  }

  Result<std::vector<Event>> Refresh() override { return std::vector<Event>(); }
  uint64_t version() const override { return version_; }
  const TableSchema* FindTable(const TableId& id) const override {
    const auto found = newest_.find(id);
    return found == newest_.end() ? nullptr : found->second;
  }
  const TableSchema* Find(SchemaId) const override { return nullptr; }
  std::vector<const TableSchema*> CapturedTables() const override {
    std::vector<const TableSchema*> tables;
    for (const auto& [id, table] : newest_) {
      if (table->cdc) tables.push_back(table);
    }
    return tables;
  }
  std::string WhyUnreadable(const TableId&) const override { return {}; }
  bool HistoryKnown(const TableId&) const override { return true; }
  Status MarkHistoryKnown(const TableId&) override { return {}; }

 private:
  std::vector<std::unique_ptr<TableSchema>> all_;
  std::map<TableId, const TableSchema*> newest_;
  uint64_t next_ = 1;
  uint64_t version_ = 1;
};

// The directories of a node, empty at first; removed in the end.
class NodeForTest {
 public:
  NodeForTest() {
    static int count = 0;
    root_ = fs::path(::testing::TempDir()) /
            ("braid_capture_" + std::to_string(::getpid()) + "_" + std::to_string(++count));
    fs::create_directories(cdc_raw());
    fs::create_directories(commitlog());
  }
  ~NodeForTest() { fs::remove_all(root_); }
  NodeForTest(const NodeForTest&) = delete;
  NodeForTest& operator=(const NodeForTest&) = delete;

  fs::path cdc_raw() const { return root_ / "cdc_raw"; }
  fs::path commitlog() const { return root_ / "commitlog"; }
  NodeFiles files(bool with_commitlog = true) const {
    return {.name = "n1", .cdc_raw = cdc_raw(), .commitlog = with_commitlog ? commitlog().string() : "", .data = {}};
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(cdc_raw())) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  fs::path root_;
};

// A segment as its node writes it.
class SegmentForTest {
 public:
  static constexpr size_t kBytes = 16384;

  // Made in commitlog, and linked into cdc_raw if `linked`.
  SegmentForTest(NodeForTest* node, int64_t id, std::optional<Compression> compression = std::nullopt,
                 bool linked = true)
      : node_(node), id_(id), compression_(compression), builder_(7, id, compression) {
    bytes_ = builder_.Bytes();
    marker_ = bytes_.size();
    logical_ = marker_;
    if (!compression_) bytes_.resize(kBytes);
    at_ = marker_ + 8;
    Flush();
    if (linked) Link();
  }

  std::string name() const { return "CommitLog-7-" + std::to_string(id_) + ".log"; }
  std::string index_name() const { return "CommitLog-7-" + std::to_string(id_) + "_cdc.idx"; }
  fs::path original() const { return node_->commitlog() / name(); }
  fs::path link() const { return node_->cdc_raw() / name(); }
  fs::path index() const { return node_->cdc_raw() / index_name(); }

  void Link() { fs::create_hard_link(original(), link()); }
  void Unlink() { fs::remove(original()); }
  void Discard() {
    fs::remove(original());
    fs::remove(link());
    fs::remove(index());
  }

  // An entry that is not synced yet. Gives its logical end.
  uint64_t Write(const std::string& payload) {
    const std::string entry = SegmentBuilder::Entry(payload);
    if (compression_) {
      waiting_ += entry;
      return logical_ + 8 + waiting_.size();
    }
    bytes_.replace(at_, entry.size(), entry);
    at_ += entry.size();
    Flush();
    return at_;
  }
  // Closes the section with a marker, as happens every 100 ms.
  void Mark() {
    if (compression_) {
      SegmentBuilder section(7, id_, compression_);
      const size_t header = section.Bytes().size();
      std::string stored = section.RawSection(waiting_).Bytes().substr(header);
      StoreBigEndian<uint32_t>(stored.data(), static_cast<uint32_t>(bytes_.size() + stored.size()));
      StoreBigEndian<uint32_t>(stored.data() + 4, builder_.MarkerCrc(static_cast<uint32_t>(bytes_.size())));
      bytes_ += stored;
      logical_ += 8 + waiting_.size();
      waiting_.clear();
    } else {
      StoreBigEndian<uint32_t>(bytes_.data() + marker_, static_cast<uint32_t>(at_));
      StoreBigEndian<uint32_t>(bytes_.data() + marker_ + 4, builder_.MarkerCrc(static_cast<uint32_t>(marker_)));
      logical_ = marker_ = at_;
      at_ += 8;
    }
    Flush();
  }
  // Marks, and tells so in the index.
  void Sync(bool completed = false) {
    Mark();
    WriteIndex(std::to_string(logical_) + (completed ? "\nCOMPLETED" : ""));
  }
  void Complete() { Sync(true); }
  void WriteIndex(const std::string& text) { std::ofstream(index(), std::ios::trunc) << text; }

  std::string& bytes() { return bytes_; }
  uint64_t logical_end() const { return logical_; }
  // Writes the bytes to the file, in place.
  void Flush() {
    if (!fs::exists(original()) && !fs::exists(link())) std::ofstream(original()).close();
    const fs::path path = fs::exists(original()) ? original() : link();
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.write(bytes_.data(), static_cast<std::streamsize>(bytes_.size()));
  }

 private:
  NodeForTest* node_;
  int64_t id_;
  std::optional<Compression> compression_;
  SegmentBuilder builder_;
  std::string bytes_;
  std::string waiting_;
  size_t marker_ = 0;
  size_t at_ = 0;
  uint64_t logical_ = 0;
};

// What capture gave.
class SinkForTest : public CaptureSink {
 public:
  Status OnTransaction(const Transaction& transaction) override {
    TRY(Refuse());
    for (const Mutation& mutation : transaction.mutations) {
      EXPECT_EQ(mutation.position, transaction.position);
      for (const RowUpdate& row : mutation.rows) {
        Cursor from(row.clustering);
        from.Vint();
        films.push_back(from.I32());
      }
    }
    EXPECT_FALSE(transaction.mutations.empty());
    EXPECT_TRUE(positions.empty() || positions.back() < transaction.position);
    positions.push_back(transaction.position);
    return {};
  }
  Status OnTruncation(const Truncation& truncation) override {
    TRY(Refuse());
    truncations.push_back(truncation);
    return {};
  }
  Status OnGap(const Gap& gap) override {
    TRY(Refuse());
    gaps.push_back(gap);
    return {};
  }
  Status OnProgress(const CaptureProgress& now) override {
    TRY(Refuse());
    EXPECT_LE(progress.position, now.position);
    EXPECT_LE(progress.watermark, now.watermark);
    progress = now;
    return {};
  }

  std::vector<int32_t> films;
  std::vector<Position> positions;
  std::vector<Truncation> truncations;
  std::vector<Gap> gaps;
  CaptureProgress progress;
  int refuse_every = 0;  // each n-th call, 0: none

 private:
  Status Refuse() {
    if (refuse_every != 0 && ++calls_ % refuse_every == 0) return Error{ErrorCode::kTransient, "the sink is full"};
    return {};
  }
  int calls_ = 0;
};

// A capture of that node by a clock that the test sets.
class NodeCaptureFixture : public ::testing::Test {
 protected:
  static constexpr uint64_t kMuch = 64 << 20;

  NodeCaptureFixture() {
    options_.files = node_.files();
    options_.node = {3};
    options_.cdc_space_bytes = uint64_t{1} << 30;
    options_.log = [this](bool alarm, const std::string& message) { (alarm ? alarms_ : lines_).push_back(message); };
  }

  void Open() { capture_ = NodeCapture::Open(PosixFileSystem(), &schemas_, options_).value(); }
  // A new process that goes on at `from`.
  void Reopen(const Position& from) {
    options_.resume = from;
    sink_ = SinkForTest();
    Open();
  }
  // The same of another node, from its beginning.
  void Follow(const NodeForTest& node) {
    options_.files = node.files();
    options_.resume.reset();
    capture_.reset();
    sink_ = SinkForTest();
  }
  // Steps until nothing more comes.
  Status Run() {
    if (capture_ == nullptr) Open();
    while (true) {
      now_us_ += 1000;
      ASSIGN_OR_RETURN(const bool more, capture_->Step(now_us_, kMuch, &sink_));
      if (!more) return {};
    }
  }
  void Pass(int64_t us) { now_us_ += us; }
  // What came since the last call, when all that can come has.
  std::vector<int32_t> Films() {
    const Status status = Run();
    EXPECT_TRUE(status.has_value()) << (status ? "" : status.error().message);
    return std::exchange(sink_.films, {});
  }
  // The same several times, with time for second thoughts between.
  std::vector<int32_t> FilmsInTheEnd() {
    std::vector<int32_t> films = Films();
    for (int i = 0; i < 3; ++i) {
      Pass(2 * kSecondUs);
      for (const int32_t film : Films()) films.push_back(film);
    }
    return films;
  }
  Position At(int64_t segment, uint64_t offset) const { return {options_.node, {segment}, offset}; }

  NodeForTest node_;
  SchemasForTest schemas_;
  NodeCapture::Options options_;
  SinkForTest sink_;
  int64_t now_us_ = 1'000'000 * kSecondUs;
  std::vector<std::string> lines_;
  std::vector<std::string> alarms_;
  std::unique_ptr<NodeCapture> capture_;
};

}  // namespace braid
