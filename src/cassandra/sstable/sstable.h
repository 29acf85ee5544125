// The door of this room: an SSTable, opened, and the way through its partitions.
//
//   SstableSet::Open(directories)    all that is in force of a table, at one moment    (open_set.h)
//   ListSstables(directory)          which SSTables of a table are in force            (directory.h)
//   Sstable::Open(descriptor)        its header and statistics, verified
//   SstableScanner::Open(…) / Next   its partitions in order, as Mutations             (scan.h)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "base/result.h"
#include "cassandra/sstable/chunk_reader.h"
#include "cassandra/sstable/descriptor.h"
#include "cassandra/sstable/index.h"
#include "cassandra/sstable/statistics.h"
#include "cassandra/sstable/token_range.h"
#include "model/schema.h"

namespace braid {

// The components of one SSTable that reading it needs.
struct SstableSources {
  std::unique_ptr<ByteSource> data;
  std::unique_ptr<ByteSource> statistics;
  std::unique_ptr<ByteSource> compression_info;  // of a compressed one
  std::unique_ptr<ByteSource> crc;               // of one that is not
  // To begin in the middle and to go on after damage; any may be missing.
  std::unique_ptr<ByteSource> index;    // Index.db of format big
  std::unique_ptr<ByteSource> summary;  // Summary.db of format big
  std::unique_ptr<ByteSource> trie;     // Partitions.db of format bti
  std::unique_ptr<ByteSource> rows;     // Rows.db of format bti
};

// An SSTable whose files are open: it stays readable when Cassandra deletes them. Holds three or four file descriptors
// and a few kilobytes. Immutable: any number of scanners may read it at once, in any threads.
class Sstable {
 public:
  // The most file descriptors that one takes.
  static constexpr uint64_t kMaxFiles = 4;

  // Opens the files of `descriptor` and reads all but the data. Errors: kNotFound, kIoError, kCorrupt, kUnsupported,
  // each with the file.
  static Result<std::unique_ptr<Sstable>> Open(const Descriptor& descriptor);
  // The same of sources that are open already: memory in tests.
  static Result<std::unique_ptr<Sstable>> Open(const Descriptor& descriptor, SstableSources sources);

  const Descriptor& descriptor() const { return descriptor_; }
  const Statistics& statistics() const { return statistics_; }
  const SstableHeader& header() const { return statistics_.header; }
  // To ask for lengths and the compressor; who reads takes a Clone().
  const ChunkReader& chunks() const { return *chunks_; }
  // Index.db of format big, or nullptr.
  const ByteSource* index() const { return sources_.index.get(); }
  // The first partition that begins behind `offset` in the data, as the index of format bti says, of those whose tokens
  // are `from` or greater. Nothing if it does not say.
  std::optional<PartitionPlace> FirstInTrie(uint64_t offset, Token from) const;
  // The tokens from the first partition's to the last one's, as the index says: it has no checksum. Nothing if it does
  // not say.
  const std::optional<TokenRange>& tokens() const { return tokens_; }
  // Where the last partition whose token is at most `token` begins, as the index says: guesses, the best first, to be
  // proved by the data. Empty if it does not say.
  std::vector<PartitionPlace> Floor(Token token) const;
  // The path of Data.db.
  const std::string& name() const { return sources_.data->name(); }

 private:
  Sstable(Descriptor descriptor, SstableSources sources)
      : descriptor_(std::move(descriptor)), sources_(std::move(sources)) {}

  Descriptor descriptor_;
  SstableSources sources_;
  Statistics statistics_;
  std::unique_ptr<ChunkReader> chunks_;
  IndexSummary summary_;
  std::optional<TokenRange> tokens_;
};

// What a header knows of its table: all but the names of key columns, which are `key_names` (partition key, then
// clustering; where they run out, "#key1" … and "#ck1" …), and what was never in this file. The SchemaId is zero. For
// tables whose definition nobody else has: Cassandra's own, and files that are merely to be looked at.
TableSchemaPtr SchemaOfHeader(const SstableHeader& header, const std::string& keyspace, const std::string& table,
                              const TableId& id, const std::vector<std::string>& key_names);

}  // namespace braid
