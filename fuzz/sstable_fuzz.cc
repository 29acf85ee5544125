// Any bytes as a part of an SSTable. The first byte says which: 0 a whole Statistics.db, 1 its HEADER and 2 its STATS
// under good checksums, 3 and 4 the data of a file of version nb and oa under good checksums, 5 CompressionInfo.db and
// the data that it describes, 6 an index, 7 a transaction log, 8 a trie or a summary. The checksums are made good so
// that they do not keep everything out.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "cassandra/sstable/dump.h"
#include "cassandra/sstable/index.h"
#include "cassandra/sstable/sstable_test_util.h"
#include "cassandra/sstable/transaction_log.h"
#include "cassandra/sstable/trie_index.h"

namespace braid {
namespace {

// Columns of every framing, so that all of a row's reading is met.
StatisticsSpec Columns() {
  const std::string package = "org.apache.cassandra.db.marshal.";
  StatisticsSpec spec;
  spec.clustering = {kInt32Class, package + "ReversedType(" + kTextClass + ")"};
  spec.statics = {{"s", kTextClass}};
  spec.regulars = {
      {"v", kTextClass}, {"w", kInt32Class}, {"m", package + "MapType(" + kTextClass + "," + kInt32Class + ")"}};
  return spec;
}

void CheckStatus(const Status& status) {
  CHECK(status.has_value() || !status.error().message.empty());
}

void ReadStatistics(const std::string& bytes, SstableVersion version) {
  const auto statistics = ParseStatistics(bytes, version, "fuzz");
  CHECK(statistics.has_value() || !statistics.error().message.empty());
}

// Reads the data whole and in the smallest pieces, with the way on behind damage.
void ReadData(const SstableBytes& bytes) {
  const auto sstable = OpenBytes(bytes);
  if (!sstable.has_value()) return;
  SstableDumpOptions options;
  options.skip_damage = true;
  options.scan.max_row_bytes = 1 << 20;
  for (const size_t rows : {size_t{1} << 20, size_t{1}}) {
    options.scan.piece_rows = rows;
    CheckStatus(DumpSstable(sstable->get(), options, [](std::string_view line) { CHECK(!line.empty()); }));
  }
}

void ReadData(const std::string& data, SstableVersion version) {
  SstableBytes bytes = MakeSstable({}, Columns(), version);
  bytes.data = data;
  bytes.crc = MakeCrc(data, 64);
  ReadData(bytes);
}

// The first two bytes are the length of CompressionInfo.db; the data follows it.
void ReadCompressed(const std::string& bytes) {
  if (bytes.size() < 2) return;
  const size_t info_bytes = LoadBigEndian<uint16_t>(bytes.data());
  SstableBytes sstable = MakeSstable({}, Columns());
  sstable.crc.clear();
  sstable.compression_info = bytes.substr(2, info_bytes);
  sstable.data = bytes.size() > 2 + info_bytes ? bytes.substr(2 + info_bytes) : "";
  if (!sstable.compression_info.empty()) ReadData(sstable);
}

void ReadIndex(const std::string& bytes) {
  const MemorySource source("fuzz", bytes);
  IndexReader index(&source);
  uint64_t offset = 0;
  for (size_t i = 0; i <= bytes.size(); ++i) {
    const auto next = index.FirstAfter(offset);
    if (!next.has_value() || !next->has_value()) return;
    CHECK((*next)->offset > offset);
    offset = (*next)->offset;
  }
  CHECK(false);  // more entries than bytes
}

// A trie, or a summary: they may say anything, and must come to an end.
void ReadHelps(const std::string& bytes) {
  const MemorySource source("fuzz", bytes);
  ReadIndexSummary(source);
  const PartitionTrie trie(&source, &source);
  trie.Tokens();
  trie.Floor(Token{0});
  trie.FirstAfter(bytes.size() / 2, Token{0});
}

void Read(size_t what, const std::string& bytes) {
  const std::string validation = RowBytes().U16(1).Raw("p").I64(0).bytes();
  switch (what) {
    case 0:
      return ReadStatistics(bytes, SstableVersion::kNb);
    case 1:
      return ReadStatistics(StatisticsOfParts({{0, validation}, {2, StatsPart(SstableVersion::kNb)}, {3, bytes}}),
                            SstableVersion::kNb);
    case 2:
      for (const SstableVersion version : {SstableVersion::kNb, SstableVersion::kDa}) {
        ReadStatistics(StatisticsOfParts({{0, validation}, {2, bytes}, {3, HeaderPart(Columns())}}), version);
      }
      return;
    case 3:
      return ReadData(bytes, SstableVersion::kNb);
    case 4:
      return ReadData(bytes, SstableVersion::kOa);
    case 5:
      return ReadCompressed(bytes);
    case 6:
      return ReadIndex(bytes);
    case 7: {
      const auto log = ParseTransactionLog(bytes);
      CHECK(log.has_value() || !log.error().message.empty());
      return;
    }
    default:
      ReadHelps(bytes);
  }
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  braid::Read(data[0] % 9, std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  return 0;
}
