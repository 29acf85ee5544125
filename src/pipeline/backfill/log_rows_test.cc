// Real commit logs: what of them is alive, by the merge's way, is what a replay of them ends with.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "cassandra/murmur3/murmur3.h"
#include "encode/json.h"
#include "pipeline/backfill/live_rows.h"
#include "pipeline/merge/log_source.h"
#include "pipeline/merge/merge.h"
#include "pipeline/replay/replay.h"

namespace braid {
namespace {

namespace fs = std::filesystem;

// Later than all that was written.
constexpr UnixSeconds kNow{1'900'000'000};

// The recording that comes with the sources: three nodes, one of which was down for a while.
std::vector<std::string> FargoNodes() {
  const fs::path fargo = fs::path(__FILE__).parent_path() / "../../../examples/fargo";
  std::vector<std::string> nodes;
  for (const char* node : {"n1", "n2", "n3"}) nodes.push_back(std::string(node) + "=" + (fargo / node).string());
  return nodes;
}

std::string Between(const std::string& line, const std::string& from, const std::string& to) {
  const size_t begin = line.find(from) + from.size();
  return line.substr(begin, line.find(to, begin) - begin);
}

using Rows = std::map<std::string, std::string>;

// Takes an event's line.
void Fold(const std::string& line, Rows* rows) {
  const std::string key = Between(line, "{\"key\":", ",\"op\":");
  const std::string after = Between(line, ",\"after\":", ",\"source\":");
  if (after == "null") {
    rows->erase(key);
  } else {
    (*rows)[key] = after;
  }
}

class LogRowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    scratch_ = fs::temp_directory_path() / ("braid-log-rows-" + std::to_string(::getpid()));
    fs::create_directories(scratch_);
    homes_ = *OpenNodeHomes(FargoNodes());
    ASSERT_TRUE(FindLogs(&homes_).has_value());
    schema_ = *LoadSchema(homes_, {}, TableKinds::kCaptured);
  }
  void TearDown() override { fs::remove_all(scratch_); }

  Rows Replayed(const std::string& table) {
    ReplayOptions options;
    options.nodes = FargoNodes();
    options.out = (scratch_ / "out").string();
    options.now = kNow;
    options.machine_time_s = kNow.s;
    EXPECT_TRUE(Replay(options).has_value());
    Rows rows;
    std::ifstream file(scratch_ / "out" / (table + ".ndjson"));
    for (std::string line; std::getline(file, line);) Fold(line, &rows);
    return rows;
  }

  // Of each node's logs a source; `mutations` counts what they had.
  Rows Merged(const TableSchemaPtr& table, const WriteSorter::Options& sorting, const TokenRange& tokens,
              uint64_t* mutations, Position after = {}) {
    class Tables : public TableLookup {
     public:
      explicit Tables(const ClusterSchema* schema) : schema_(schema) {}
      const TableSchema* FindTable(const TableId& id) const override { return schema_->FindTable(id); }

     private:
      const ClusterSchema* schema_;
    };
    const Tables tables(&schema_.cluster);
    std::vector<std::unique_ptr<PieceSource>> sources;
    for (const NodeHome& home : homes_) {
      std::vector<std::unique_ptr<ByteSource>> segments;
      for (const SegmentFile& segment : home.segments) segments.push_back(*OpenFile(segment.path));
      LogSourceReport report;
      LogSourceOptions options;
      options.tokens = tokens;
      options.after = after;
      options.sorting = sorting;
      options.sorting.directory = scratch_.string();
      auto source = ReadLogSource("logs of " + home.name, segments, tables, table, options, &report);
      EXPECT_TRUE(source.has_value());
      EXPECT_EQ(report.segments, home.segments.size());
      EXPECT_TRUE(report.damage.empty());
      *mutations += report.mutations;
      sources.push_back(*std::move(source));
    }
    const auto merge = *TableMerge::Open(std::move(sources), table);
    class Sink : public ChangeSink {
     public:
      Status Emit(const Change& change) override {
        std::string line;
        AppendEventJson(change, {}, &line);
        Fold(line, &rows);
        return {};
      }
      Rows rows;
    };
    Sink sink;
    LiveRows live(table, kNow);
    while (const SstablePiece* piece = *merge->Next()) EXPECT_TRUE(live.Take(*piece, sink).has_value());
    return sink.rows;
  }

  fs::path scratch_;
  std::vector<NodeHome> homes_;
  LoadedSchema schema_;
};

TEST_F(LogRowsTest, TheJoinOfAllLogsIsWhatAReplayEndsWith) {
  size_t rows = 0;
  for (const TableSchemaPtr& table : schema_.tables) {
    const Rows expected = Replayed(table->FullName());
    rows += expected.size();
    uint64_t mutations = 0;
    EXPECT_EQ(Merged(table, {}, {}, &mutations), expected);
    EXPECT_GT(mutations, expected.size());
    // In small pieces, sorted on disk.
    WriteSorter::Options small;
    small.memory_bytes = Sorter::kLeastMemory;
    small.piece_rows = 1;
    EXPECT_EQ(Merged(table, small, {}, &mutations), expected);
  }
  EXPECT_EQ(rows, 3U);
}

TEST_F(LogRowsTest, RangesOfTokensDivideTheRows) {
  const TableSchemaPtr table = schema_.cluster.Find("vault", "titles")->schema;
  uint64_t all = 0;
  const Rows expected = Merged(table, {}, {}, &all);
  // Film 115's: on either side of it there are others.
  const Token middle = Murmur3Token(ByteView("\0\0\0\x73", 4));
  Rows halves;
  uint64_t in_halves = 0;
  for (const TokenRange& half : {TokenRange{.through = middle}, TokenRange{.after = middle}}) {
    const Rows rows = Merged(table, {}, half, &in_halves);
    for (const auto& row : rows) EXPECT_TRUE(halves.insert(row).second) << row.first;
  }
  EXPECT_EQ(halves, expected);
  EXPECT_EQ(in_halves, all);
}

TEST_F(LogRowsTest, WhatStandsBeforeATruncationIsLeftOut) {
  const TableSchemaPtr table = schema_.cluster.Find("vault", "titles")->schema;
  uint64_t all = 0;
  uint64_t rest = 0;
  uint64_t none = 0;
  EXPECT_FALSE(Merged(table, {}, {}, &all).empty());
  // n1's first segment is older than the others' last ones.
  Merged(table, {}, {}, &rest, {.node = {7}, .segment = homes_[0].segments.front().id, .offset = UINT64_MAX});
  EXPECT_GT(rest, 0U);
  EXPECT_LT(rest, all);
  EXPECT_TRUE(Merged(table, {}, {}, &none, {.node = {}, .segment = {INT64_MAX}, .offset = 1}).empty());
  EXPECT_EQ(none, 0U);
}

}  // namespace
}  // namespace braid
