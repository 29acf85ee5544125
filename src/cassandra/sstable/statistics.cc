#include "cassandra/sstable/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/checksum.h"
#include "base/cursor.h"

namespace braid {
namespace {

// The components (org.apache.cassandra.io.sstable.metadata.MetadataType).
enum Part : int32_t { kValidation = 0, kCompaction = 1, kStats = 2, kHeader = 3, kParts = 4 };

constexpr uint64_t kCrcBytes = 4;
// More than ColumnId can count, and more than Cassandra can use.
constexpr uint64_t kMaxColumns = 1 << 15;

Error Damaged(const std::string& file, uint64_t offset, std::string_view what) {
  return Corrupt(fmt::format("{}: offset {}: {}", file, offset, what));
}

// Where the parts lie, without their checksums.
struct Contents {
  std::array<ByteView, kParts> parts;
  std::array<uint64_t, kParts> offsets{};
};

Result<Contents> ReadContents(ByteView bytes, const std::string& file) {
  struct Entry {
    int32_t type;
    uint64_t offset;
  };
  Cursor cursor(bytes);
  const uint32_t count = cursor.U32();
  const uint32_t count_crc = Crc32OfInt(0, count);
  if (cursor.U32() != count_crc || !cursor.ok()) {
    return Damaged(file, 0, "the checksum of the number of parts does not match");
  }
  if (count > cursor.remaining() / 8) return Damaged(file, 0, fmt::format("an impossible number of parts, {}", count));
  const size_t table_start = cursor.offset();
  std::vector<Entry> entries(count);
  for (Entry& entry : entries) entry = {.type = cursor.I32(), .offset = cursor.U32()};
  const uint32_t table_crc = Crc32(count_crc, bytes.substr(table_start, cursor.offset() - table_start));
  if (cursor.U32() != table_crc || !cursor.ok()) {
    return Damaged(file, table_start, "the checksum of the table of parts does not match");
  }

  Contents contents;
  for (size_t i = 0; i < entries.size(); ++i) {
    const uint64_t start = entries[i].offset;
    const uint64_t end = i + 1 < entries.size() ? entries[i + 1].offset : bytes.size();
    if (start < cursor.offset() || end > bytes.size() || start + kCrcBytes > end) {
      return Damaged(file, table_start, fmt::format("part {} cannot lie at {} to {}", i, start, end));
    }
    const ByteView part = bytes.substr(start, end - start - kCrcBytes);
    if (Crc32(0, part) != LoadBigEndian<uint32_t>(bytes.data() + end - kCrcBytes)) {
      return Damaged(file, start, fmt::format("the checksum of part {} does not match", i));
    }
    if (entries[i].type < 0 || entries[i].type >= kParts) continue;  // of a later version
    contents.parts[entries[i].type] = part;
    contents.offsets[entries[i].type] = start;
  }
  return contents;
}

// An EstimatedHistogram: pairs of an offset and a count.
void SkipHistogram(Cursor* from) {
  const uint64_t size = from->U32();
  from->Skip(size * 16);
}

// A TombstoneHistogram. Versions oa and da set 16 bytes aside for a bucket and write 12: the rest is at the part's end,
// which is why no part is required to be read to its end.
void SkipTombstoneHistogram(Cursor* from, SstableVersion version) {
  from->Skip(4);  // the most buckets that it may have
  const uint64_t size = from->U32();
  from->Skip(size * (HasUnsignedDeletionTimes(version) ? 12 : 16));
}

LogPosition ReadLogPosition(Cursor* from) {
  LogPosition position;
  position.segment = from->I64();
  position.position = from->I32();
  return position;
}

UnixSeconds ReadDeletionSecond(Cursor* from, SstableVersion version) {
  const uint32_t bits = from->U32();
  const uint32_t none = HasUnsignedDeletionTimes(version) ? 0xFFFFFFFF : 0x7FFFFFFF;
  if (bits == none) return UnixSeconds::Never();
  return HasUnsignedDeletionTimes(version) ? UnixSeconds{bits} : UnixSeconds{static_cast<int32_t>(bits)};
}

// The least and greatest clusterings of versions na and nb: two lists of values.
void SkipLegacyBounds(Cursor* from) {
  for (int list = 0; list < 2; ++list) {
    const uint32_t values = from->U32();
    for (uint32_t i = 0; i < values && from->ok(); ++i) from->Skip(from->U16());
  }
}

void SkipClusteringBound(Cursor* from, const std::vector<JavaType>& types);

// The types of the clustering and the slice that covers all rows, in versions oa and da.
void SkipSlice(Cursor* from, const std::vector<JavaType>& clustering) {
  const uint64_t types = from->Vint();
  for (uint64_t i = 0; i < types && from->ok(); ++i) from->VintBytes();
  SkipClusteringBound(from, clustering);
  SkipClusteringBound(from, clustering);
}

void SkipClusteringBound(Cursor* from, const std::vector<JavaType>& types) {
  from->Skip(1);  // the kind
  const uint16_t size = from->U16();
  if (size > types.size()) from->Fail("a bound of more values than there are clustering columns");
  uint64_t header = 0;
  for (uint16_t i = 0; i < size && from->ok(); ++i) {
    if (i % 32 == 0) header = from->Vint();
    const uint64_t absent = header >> (2 * (i % 32)) & 3;
    if (absent != 0) continue;
    const int fixed = FixedLength(*types[i].type);
    from->Skip(fixed >= 0 ? static_cast<uint64_t>(fixed) : from->Vint());
  }
}

SstableStats ReadStats(Cursor* from, SstableVersion version, const std::vector<JavaType>& clustering) {
  SstableStats stats;
  SkipHistogram(from);  // of partition sizes
  SkipHistogram(from);  // of cells in a partition
  const LogPosition log_end = ReadLogPosition(from);
  stats.min_timestamp = {from->I64()};
  stats.max_timestamp = {from->I64()};
  stats.min_local_deletion = ReadDeletionSecond(from, version);
  stats.max_local_deletion = ReadDeletionSecond(from, version);
  stats.min_ttl_s = from->I32();
  stats.max_ttl_s = from->I32();
  from->Skip(8);  // the compression ratio
  SkipTombstoneHistogram(from, version);
  stats.level = from->I32();
  stats.repaired_at_ms = from->I64();
  if (HasUnsignedDeletionTimes(version)) {
    SkipSlice(from, clustering);
  } else {
    SkipLegacyBounds(from);
  }
  stats.legacy_counter_shards = from->U8() != 0;
  stats.cells = from->I64();
  stats.rows = from->I64();
  const LogPosition log_start = ReadLogPosition(from);
  const uint32_t intervals = from->U32();
  if (intervals > from->remaining() / 24) from->Fail("an impossible number of commit log intervals");
  for (uint32_t i = 0; i < intervals && from->ok(); ++i) {
    const LogPosition start = ReadLogPosition(from);
    stats.log_intervals.push_back({.from = start, .to = ReadLogPosition(from)});
  }
  if (intervals == 0 && log_end.segment >= 0) stats.log_intervals.push_back({.from = log_start, .to = log_end});
  if (from->U8() != 0) from->Skip(16);  // the pending repair
  from->Skip(1);                        // whether it is of a transient replica
  if (version != SstableVersion::kNa && from->U8() != 0) {
    const ByteView host = from->Bytes(16);
    if (from->ok()) std::copy(host.begin(), host.end(), stats.originating_host.emplace().begin());
  }
  return stats;
}

// A type's text, parsed. On a fault of the cursor the caller's check of it goes first.
Result<JavaType> ReadType(Cursor* from) {
  const ByteView text = from->VintBytes();
  if (!from->ok()) return JavaType{.type = SimpleType(TypeKind::kBlob)};
  return ParseJavaType(text);
}

Result<std::vector<SstableColumn>> ReadColumns(Cursor* from) {
  std::vector<SstableColumn> columns;
  const uint64_t count = from->Vint();
  if (count > kMaxColumns) from->Fail("an impossible number of columns");
  for (uint64_t i = 0; i < count && from->ok(); ++i) {
    const std::string name(from->VintBytes());
    ASSIGN_OR_RETURN(const JavaType type, ReadType(from));
    columns.push_back({.name = name, .type = type.type});
  }
  return columns;
}

Result<SstableHeader> ReadHeader(Cursor* from) {
  SstableHeader header;
  header.encoding = ReadEncodingStats(from);
  const ByteView key_type = from->VintBytes();
  if (from->ok()) {
    ASSIGN_OR_RETURN(header.partition_key, ParseJavaKeyType(key_type));
  }
  const uint64_t clustering = from->Vint();
  if (clustering > kMaxColumns) from->Fail("an impossible number of clustering columns");
  for (uint64_t i = 0; i < clustering && from->ok(); ++i) {
    ASSIGN_OR_RETURN(JavaType type, ReadType(from));
    header.clustering.push_back(std::move(type));
  }
  ASSIGN_OR_RETURN(header.statics, ReadColumns(from));
  ASSIGN_OR_RETURN(header.regulars, ReadColumns(from));
  return header;
}

bool TooManyColumns(const SstableHeader& header) {
  return header.partition_key.size() + header.clustering.size() + header.statics.size() + header.regulars.size() >
         kMaxColumns;
}

bool HasDuplicates(const std::vector<SstableColumn>& statics, const std::vector<SstableColumn>& regulars) {
  std::vector<std::string_view> names;
  names.reserve(statics.size() + regulars.size());
  for (const SstableColumn& column : statics) names.push_back(column.name);
  for (const SstableColumn& column : regulars) names.push_back(column.name);
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

}  // namespace

Result<Statistics> ParseStatistics(ByteView bytes, SstableVersion version, const std::string& file) {
  ASSIGN_OR_RETURN(const Contents contents, ReadContents(bytes, file));
  for (const Part part : {kValidation, kStats, kHeader}) {
    if (contents.parts[part].empty())
      return Damaged(file, 0, fmt::format("part {} is missing", static_cast<int>(part)));
  }
  Statistics statistics;
  Cursor header(contents.parts[kHeader]);
  Result<SstableHeader> parsed = ReadHeader(&header);
  if (header.ok() && !parsed.has_value()) {
    return parsed.error().At(fmt::format("{}: offset {}", file, contents.offsets[kHeader]));
  }
  if (header.ok() && HasDuplicates(parsed->statics, parsed->regulars)) header.Fail("a column is named twice");
  if (header.ok() && TooManyColumns(*parsed)) header.Fail("an impossible number of columns");
  if (!header.ok()) return Damaged(file, contents.offsets[kHeader] + header.failed_offset(), header.reason());
  statistics.header = *std::move(parsed);

  Cursor validation(contents.parts[kValidation]);
  statistics.partitioner = validation.Bytes(validation.U16());
  if (!validation.ok()) return Damaged(file, contents.offsets[kValidation], validation.reason());

  Cursor stats(contents.parts[kStats]);
  statistics.stats = ReadStats(&stats, version, statistics.header.clustering);
  if (!stats.ok()) return Damaged(file, contents.offsets[kStats] + stats.failed_offset(), stats.reason());
  return statistics;
}

}  // namespace braid
