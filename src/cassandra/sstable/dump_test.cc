#include "cassandra/sstable/dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "cassandra/sstable/sstable_test_util.h"

namespace braid {
namespace {

using testing::HasSubstr;

struct Dumped {
  std::string header;
  std::vector<std::string> partitions;  // from the key on: as Cassandra's reader was made to print them
};

Result<Dumped> Dump(const SstableBytes& bytes, const SstableDumpOptions& options = {}) {
  ASSIGN_OR_RETURN(const auto sstable, OpenBytes(bytes));
  Dumped dumped;
  TRY(DumpSstable(sstable.get(), options, [&](std::string_view line) {
    if (dumped.header.empty()) {
      dumped.header = line;
    } else {
      dumped.partitions.push_back("{" + std::string(line.substr(line.find("\"key\":"))));
    }
  }));
  return dumped;
}

// Reads all there is without printing it.
Status Drain(const SstableBytes& bytes) {
  ASSIGN_OR_RETURN(const auto sstable, OpenBytes(bytes));
  const TableSchemaPtr schema = SchemaOfHeader(sstable->header(), "k", "t", TableId{}, {});
  ASSIGN_OR_RETURN(const auto scanner, SstableScanner::Open(sstable.get(), schema));
  for (;;) {
    ASSIGN_OR_RETURN(const SstablePiece* const piece, scanner->Next());
    if (piece == nullptr) return {};
  }
}

std::vector<std::string> ExpectedLines(const std::string& folder) {
  std::istringstream file(ReadTestFile(std::filesystem::path(BRAID_TESTDATA) / folder / "expected.jsonl"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

class RealSstableTest : public testing::TestWithParam<const char*> {};

// expected.jsonl is what Cassandra 5.0.6's own reader says of the same file, cell by cell.
TEST_P(RealSstableTest, IsReadAsCassandraReadsIt) {
  SstableDumpOptions options;
  options.scan.piece_rows = 1 << 20;
  const auto dumped = Dump(RealSstable(GetParam()), options);
  ASSERT_TRUE(dumped.has_value()) << dumped.error().message;
  const std::vector<std::string> expected = ExpectedLines(GetParam());
  ASSERT_FALSE(expected.empty());
  ASSERT_EQ(dumped->partitions.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    // Lines are long: what is told is where they part.
    const auto [ours, theirs] = std::mismatch(dumped->partitions[i].begin(), dumped->partitions[i].end(),
                                              expected[i].begin(), expected[i].end());
    EXPECT_TRUE(ours == dumped->partitions[i].end() && theirs == expected[i].end())
        << "line " << i << " at " << theirs - expected[i].begin() << ": "
        << std::string(theirs, expected[i].end()).substr(0, 200);
  }
}

// Data.db is under checksums throughout, but for what follows the last chunk.
TEST_P(RealSstableTest, EveryFlippedByteOfTheDataIsNoticed) {
  const SstableBytes good = RealSstable(GetParam());
  size_t unnoticed = 0;
  for (size_t i = 0; i < good.data.size(); ++i) {
    SstableBytes bad = good;
    bad.data[i] = static_cast<char>(bad.data[i] ^ 0x20);
    const Status read = Drain(bad);
    if (read.has_value()) {
      ++unnoticed;
    } else {
      EXPECT_EQ(read.error().code, ErrorCode::kCorrupt) << i;
      EXPECT_THAT(read.error().message, HasSubstr("offset"));
    }
  }
  EXPECT_LE(unnoticed, 9u);  // an empty chunk and its checksum
}

TEST_P(RealSstableTest, EveryCutOfTheDataIsNoticed) {
  const SstableBytes good = RealSstable(GetParam());
  size_t unnoticed = 0;
  for (size_t size = 0; size < good.data.size(); ++size) {
    SstableBytes cut = good;
    cut.data.resize(size);
    unnoticed += Drain(cut).has_value() ? 1 : 0;
  }
  EXPECT_LE(unnoticed, 9u);
}

// CompressionInfo.db has no checksum; a flip may go unnoticed only where it changes nothing.
TEST_P(RealSstableTest, FlipsOfCompressionInfoAreNoticedOrHarmless) {
  const SstableBytes good = RealSstable(GetParam());
  const auto expected = Dump(good);
  for (size_t i = 0; i < good.compression_info.size(); ++i) {
    SstableBytes bad = good;
    bad.compression_info[i] = static_cast<char>(bad.compression_info[i] ^ 0x01);
    const auto dumped = Dump(bad);
    if (dumped.has_value()) {
      EXPECT_EQ(dumped->partitions, expected->partitions) << i;
    }
    bad.compression_info.resize(i);
    EXPECT_FALSE(Dump(bad).has_value()) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, RealSstableTest,
                         testing::Values("wide-nb", "wide-oa", "collections-da", "counters-nb", "statics-oa"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Five files of the same rows, by Cassandra's own writer; they differ in the second in which they were written.
TEST(DumpTest, CompressionMakesNoDifference) {
  const auto rows = [](const char* folder) {
    const auto dumped = Dump(RealSstable(folder));
    EXPECT_TRUE(dumped.has_value()) << folder << dumped.error().message;
    std::vector<std::string> lines = dumped->partitions;
    for (std::string& line : lines) {
      static constexpr std::string_view kDeletion = "1699999999999999,";
      for (size_t at = 0; (at = line.find(kDeletion, at)) != std::string::npos;) {
        at += kDeletion.size();
        line.replace(at, line.find(']', at) - at, "T");
      }
    }
    return lines;
  };
  const std::vector<std::string> plain = rows("written-plain");
  ASSERT_EQ(plain.size(), 3u);
  for (const char* folder : {"written-snappy", "written-deflate", "written-zstd", "written-ratio"}) {
    EXPECT_EQ(rows(folder), plain) << folder;
  }
}

TEST(DumpTest, TellsTheHeader) {
  const auto dumped = Dump(RealSstable("written-zstd"));
  EXPECT_THAT(dumped->header, HasSubstr(R"("version":"oa","format":"big")"));
  EXPECT_THAT(dumped->header, HasSubstr(R"("compression":"ZstdCompressor","data_bytes":3903)"));
  EXPECT_THAT(dumped->header, HasSubstr(R"("clustering":[{"type":"int","order":"desc"}])"));
  EXPECT_THAT(dumped->header, HasSubstr(R"("statics":[{"name":"s","type":"text"}])"));
  EXPECT_THAT(dumped->header, HasSubstr(R"({"name":"m","type":"map<text, int>"})"));
}

// Every way of cutting partitions into pieces gives the same rows.
TEST(DumpTest, PiecesHoldTheSameRows) {
  for (const char* folder : {"wide-nb", "wide-oa", "written-plain"}) {
    const auto count = [&](size_t piece_rows) {
      SstableDumpOptions options;
      options.scan.piece_rows = piece_rows;
      const auto dumped = Dump(RealSstable(folder), options);
      EXPECT_TRUE(dumped.has_value()) << dumped.error().message;
      size_t rows = 0;
      for (const std::string& line : dumped->partitions) {
        for (size_t at = 0; (at = line.find("\"liveness\"", at)) != std::string::npos; ++at) ++rows;
      }
      return rows;
    };
    const size_t whole = count(1 << 20);
    EXPECT_GT(whole, 20u);
    for (const size_t piece_rows : {1, 2, 3, 7}) EXPECT_EQ(count(piece_rows), whole) << folder << piece_rows;
  }
}

TEST(DumpTest, GoesOnBehindDamageIfTold) {
  SstableBytes bytes = MakeSstable({PartitionStart(IntBytes(1)) + IntRow(1, std::string(200, 'x')) + kPartitionEnd});
  bytes.data[100] = '!';
  SstableDumpOptions options;
  EXPECT_FALSE(Dump(bytes, options).has_value());
  options.skip_damage = true;
  std::vector<std::string> lines;
  const auto sstable = OpenBytes(bytes);
  const Status status = DumpSstable(sstable->get(), options, [&](std::string_view line) { lines.emplace_back(line); });
  EXPECT_FALSE(status.has_value());  // there is nothing behind it
  EXPECT_THAT(lines.back(), HasSubstr(R"("bytes_passed_over":null)"));
}

}  // namespace
}  // namespace braid
