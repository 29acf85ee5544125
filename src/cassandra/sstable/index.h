// Index.db and Summary.db of format big: where each partition begins.
//
// Neither has a checksum, so neither is believed: what they say of a place is proved by the data there before it is
// used (SstableScanner), and if they are damaged reading takes longer, no more.
// Learned from org.apache.cassandra.io.sstable.format.big.RowIndexEntry and indexsummary.IndexSummary.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "base/bytes.h"
#include "base/result.h"
#include "cassandra/sstable/token_range.h"

namespace braid {

// Where an index says that a partition begins, and by what the claim can be proved.
struct PartitionPlace {
  uint64_t offset = 0;  // in the uncompressed data
  // The partition's key, if the index has it whole …
  std::optional<std::string> key;
  // … else the beginning of its token in OrderedToken's form (trie_index.h).
  std::string token_prefix;
};

// Goes through an Index.db. Memory: one entry and a buffer. Not thread-safe.
class IndexReader {
 public:
  struct Entry {
    ByteView key;         // lives until the next call
    uint64_t offset = 0;  // of the partition, in the uncompressed data
  };

  // `index` must outlive the reader. Begins at `at`, where an entry must.
  explicit IndexReader(const ByteSource* index, uint64_t at = 0) : index_(index), at_(at) {}

  // The next entry, or nothing at the end. Offsets in the data rise. Errors: kCorrupt, kIoError.
  Result<std::optional<Entry>> Next();

  // The first partition that begins behind `offset` in the data, or nothing if none does. Offsets asked for must not
  // fall. Errors: those of Next.
  Result<std::optional<PartitionPlace>> FirstAfter(uint64_t offset);

 private:
  // Sees to it that the buffer has `bytes` from at_ on, or all there are. False at the file's end.
  Result<bool> Fill(uint64_t bytes);

  const ByteSource* index_;
  std::string buffer_;
  uint64_t buffer_start_ = 0;
  uint64_t at_ = 0;  // in the file
  uint64_t last_ = 0;
  std::string last_key_;  // of the entry that FirstAfter came to
  bool any_ = false;
};

// What is kept of a Summary.db: where in Index.db some of its entries are, evenly spread, and between which tokens all
// of them lie.
struct IndexSummary {
  struct Sample {
    Token token;
    uint64_t index_offset = 0;
  };
  std::vector<Sample> samples;  // at most kMaxSamples
  std::optional<TokenRange> tokens;

  static constexpr uint64_t kMaxSamples = 128;
};

// Reads a Summary.db, piece by piece. One that is damaged gives less, or nothing: it is only a help.
IndexSummary ReadIndexSummary(const ByteSource& summary);

// The last partition of which `index` says that its token is at most `token`; nothing if it says so of none, or cannot
// be read. Reads from the nearest sample on.
std::optional<PartitionPlace> FloorInIndex(const ByteSource& index, const IndexSummary& summary, Token token);

// Up to `size` bytes from `offset`; fewer, or none, where they cannot be read: of files that are only a help.
std::string ReadSome(const ByteSource& source, uint64_t offset, uint64_t size);

}  // namespace braid
