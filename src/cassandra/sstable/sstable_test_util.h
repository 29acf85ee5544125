// SSTables for tests: written here byte by byte, or real ones from testdata/.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_source.h"
#include "base/checksum.h"
#include "cassandra/rows/rows_test_util.h"
#include "cassandra/sstable/sstable.h"

namespace braid {

// The bytes of an SSTable's components; an empty one is missing.
struct SstableBytes {
  Descriptor descriptor;
  std::string data;
  std::string statistics;
  std::string compression_info;
  std::string crc;
  std::string index;
  std::string summary;
  std::string trie;
  std::string rows;
};

inline Result<std::unique_ptr<Sstable>> OpenBytes(const SstableBytes& bytes) {
  const auto source = [](const char* name, const std::string& content) {
    return content.empty() ? nullptr : std::make_unique<MemorySource>(name, content);
  };
  SstableSources sources;
  sources.data = std::make_unique<MemorySource>("Data.db", bytes.data);
  sources.statistics = std::make_unique<MemorySource>("Statistics.db", bytes.statistics);
  sources.compression_info = source("CompressionInfo.db", bytes.compression_info);
  sources.crc = source("CRC.db", bytes.crc);
  sources.index = source("Index.db", bytes.index);
  sources.summary = source("Summary.db", bytes.summary);
  sources.trie = source("Partitions.db", bytes.trie);
  sources.rows = source("Rows.db", bytes.rows);
  return Sstable::Open(bytes.descriptor, std::move(sources));
}

inline std::string ReadTestFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

#ifdef BRAID_TESTDATA  // fuzz targets have none
// A real SSTable: one of the folders of testdata/.
inline SstableBytes RealSstable(const std::string& folder) {
  const std::filesystem::path directory = std::filesystem::path(BRAID_TESTDATA) / folder;
  SstableBytes bytes;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const auto name = ParseComponentName(directory.string(), entry.path().filename().string());
    if (!name.has_value() || !name->has_value()) continue;
    bytes.descriptor = (*name)->descriptor;
    const std::string& component = (*name)->component;
    const std::string content = ReadTestFile(entry.path());
    if (component == "Data.db") bytes.data = content;
    if (component == "Statistics.db") bytes.statistics = content;
    if (component == "CompressionInfo.db") bytes.compression_info = content;
    if (component == "CRC.db") bytes.crc = content;
    if (component == "Index.db") bytes.index = content;
    if (component == "Summary.db") bytes.summary = content;
    if (component == "Partitions.db") bytes.trie = content;
    if (component == "Rows.db") bytes.rows = content;
  }
  return bytes;
}
#endif

inline constexpr char kInt32Class[] = "org.apache.cassandra.db.marshal.Int32Type";
inline constexpr char kTextClass[] = "org.apache.cassandra.db.marshal.UTF8Type";

// What a hand-made Statistics.db says. Times count from the epochs of encoding stats, so that deltas are plain numbers.
struct StatisticsSpec {
  std::string partitioner = "org.apache.cassandra.dht.Murmur3Partitioner";
  std::string key_type = kInt32Class;
  std::vector<std::string> clustering = {kInt32Class};
  std::vector<std::pair<std::string, std::string>> statics;
  std::vector<std::pair<std::string, std::string>> regulars = {{"v", kTextClass}};
};

inline std::string HeaderPart(const StatisticsSpec& spec) {
  RowBytes header;
  header.Stats(kStatsEpochUs).Text(spec.key_type).Vint(spec.clustering.size());
  for (const std::string& type : spec.clustering) header.Text(type);
  for (const auto* columns : {&spec.statics, &spec.regulars}) {
    header.Vint(columns->size());
    for (const auto& [name, type] : *columns) header.Text(name).Text(type);
  }
  return header.bytes();
}

inline std::string StatsPart(SstableVersion version) {
  RowBytes stats;
  stats.I32(0).I32(0).I64(-1).I32(0);         // histograms, the log's upper end
  stats.I64(1000).I64(2000).I32(7).I32(9);    // timestamps, deletion seconds
  stats.I32(0).I32(60).I64(0).I32(0).I32(0);  // TTLs, compression ratio, tombstone histogram
  stats.I32(3).I64(123456);                   // level, repaired at
  if (HasUnsignedDeletionTimes(version)) {
    stats.Vint(0).U8(1).U16(0).U8(6).U16(0);  // types, a slice without bounds
  } else {
    stats.I32(0).I32(0);
  }
  stats.U8(0).I64(11).I64(12).I64(-1).I32(0);  // legacy shards, cells, rows, the log's lower end
  stats.I32(1).I64(5).I32(6).I64(7).I32(8);    // one interval
  stats.U8(0).U8(0);                           // pending repair, transient
  stats.U8(1).Raw("0123456789abcdef");         // the host
  return stats.bytes();
}

// A table of contents and parts, each with its checksum.
inline std::string StatisticsOfParts(const std::vector<std::pair<int32_t, std::string>>& parts) {
  RowBytes out;
  out.I32(static_cast<int32_t>(parts.size()));
  uint32_t crc = Crc32(0, out.bytes());
  out.I32(static_cast<int32_t>(crc));
  int32_t offset = static_cast<int32_t>(8 + 8 * parts.size() + 4);
  RowBytes table;
  for (const auto& [type, part] : parts) {
    table.I32(type).I32(offset);
    offset += static_cast<int32_t>(part.size()) + 4;
  }
  out.Raw(table.bytes()).I32(static_cast<int32_t>(Crc32(crc, table.bytes())));
  for (const auto& [type, part] : parts) out.Raw(part).I32(static_cast<int32_t>(Crc32(0, part)));
  return out.bytes();
}

inline std::string MakeStatistics(const StatisticsSpec& spec, SstableVersion version) {
  RowBytes validation;
  validation.U16(static_cast<uint16_t>(spec.partitioner.size())).Raw(spec.partitioner).I64(0);
  return StatisticsOfParts({{0, validation.bytes()}, {1, "?"}, {2, StatsPart(version)}, {3, HeaderPart(spec)}});
}

// CRC.db of `data` in chunks of `chunk_bytes`.
inline std::string MakeCrc(std::string_view data, uint32_t chunk_bytes) {
  RowBytes out;
  out.I32(static_cast<int32_t>(chunk_bytes));
  for (size_t at = 0; at < data.size(); at += chunk_bytes) {
    out.I32(static_cast<int32_t>(Crc32(0, data.substr(at, chunk_bytes))));
  }
  return out.bytes();
}

// An uncompressed SSTable of these partitions, with an index.
inline SstableBytes MakeSstable(const std::vector<std::string>& partitions, const StatisticsSpec& spec = {},
                                SstableVersion version = SstableVersion::kNb, uint32_t chunk_bytes = 64) {
  SstableBytes bytes;
  bytes.descriptor.version = version;
  bytes.descriptor.generation = "1";
  bytes.statistics = MakeStatistics(spec, version);
  RowBytes index;
  for (const std::string& partition : partitions) {
    const size_t key_bytes = LoadBigEndian<uint16_t>(partition.data());
    index.Raw(std::string_view(partition).substr(0, 2 + key_bytes)).Vint(bytes.data.size()).Vint(0);
    bytes.data += partition;
  }
  bytes.crc = MakeCrc(bytes.data, chunk_bytes);
  bytes.index = index.bytes();
  return bytes;
}

// Four bytes of a big-endian int: a key, or a clustering value.
inline std::string IntBytes(int32_t value) {
  return RowBytes().I32(value).bytes();
}

// A partition's beginning in versions na and nb, without deletion.
inline std::string PartitionStart(std::string_view key) {
  return RowBytes().U16(static_cast<uint16_t>(key.size())).Raw(key).I32(0x7FFFFFFF).I64(INT64_MIN).bytes();
}

// A row of clustering column `c` and text column `v`, written at the epoch plus `ts`.
inline std::string IntRow(int32_t c, std::string_view v, uint64_t ts = 1) {
  // Previous size, marker's time, then the one cell, which takes the row's.
  const std::string body = RowBytes().Vint(0).Vint(ts).U8(0x08).Text(v).bytes();
  return RowBytes().U8(0x04 | 0x20).Vint(0).Raw(IntBytes(c)).Vint(body.size()).Raw(body).bytes();
}

// A range tombstone marker of the kind at clustering `c`; deletions are pairs of time and seconds after the epochs.
inline std::string Marker(uint8_t kind, int32_t c, const std::vector<std::pair<uint64_t, uint64_t>>& deletions) {
  RowBytes body;
  body.Vint(0);
  for (const auto& [ts, seconds] : deletions) body.Vint(ts).Vint(seconds);
  return RowBytes()
      .U8(0x02)
      .U8(kind)
      .U16(1)
      .Vint(0)
      .Raw(IntBytes(c))
      .Vint(body.bytes().size())
      .Raw(body.bytes())
      .bytes();
}

inline const std::string kPartitionEnd = "\x01";

}  // namespace braid
