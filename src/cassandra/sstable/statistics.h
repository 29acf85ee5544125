// What an SSTable's Statistics.db says of it. Layout: docs/formats/sstable.md.
// Learned from org.apache.cassandra.io.sstable.metadata.{MetadataSerializer,ValidationMetadata,StatsMetadata} and
// db.SerializationHeader.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "cassandra/rows/header.h"
#include "cassandra/sstable/descriptor.h"
#include "cassandra/types/parse.h"
#include "model/time.h"
#include "model/type.h"

namespace braid {

// A column as the file's header names it.
struct SstableColumn {
  std::string name;
  TypePtr type;
};

// How the file's rows are written: everything that framing them needs, so that it does not hang on a schema which may
// have moved on since.
struct SstableHeader {
  EncodingStats encoding;
  std::vector<TypePtr> partition_key;  // the header does not name key columns
  std::vector<JavaType> clustering;
  std::vector<SstableColumn> statics;   // in written order, which column subsets index
  std::vector<SstableColumn> regulars;  // the same
};

// A place in a commit log, as Cassandra notes it.
struct LogPosition {
  int64_t segment = -1;
  int32_t position = 0;
};

// A part of the commit log of which the file holds the writes: those after `from` up to `to`.
struct LogInterval {
  LogPosition from;
  LogPosition to;
};

struct SstableStats {
  WriteTime min_timestamp;
  WriteTime max_timestamp;
  UnixSeconds min_local_deletion;  // Never if nothing is deleted or expires
  UnixSeconds max_local_deletion;
  int32_t min_ttl_s = 0;
  int32_t max_ttl_s = 0;
  int32_t level = 0;
  int64_t repaired_at_ms = 0;  // 0: not repaired
  bool legacy_counter_shards = false;
  int64_t cells = 0;
  int64_t rows = 0;
  std::vector<LogInterval> log_intervals;
  // The node that wrote those logs; nothing before 4.0.2 and for streamed files.
  std::optional<std::array<uint8_t, 16>> originating_host;
};

struct Statistics {
  std::string partitioner;  // a Java class
  SstableStats stats;
  SstableHeader header;
};

// No real Statistics.db comes near this.
inline constexpr uint64_t kMaxStatisticsBytes = 256 << 20;

// Reads a whole Statistics.db; every part's checksum is verified. `file` is for messages. Owns what it gives. Errors:
// kCorrupt with the offset; kUnsupported from ParseJavaType.
Result<Statistics> ParseStatistics(ByteView bytes, SstableVersion version, const std::string& file);

}  // namespace braid
