// Index.db of format big: where each partition begins. Needed only to go on behind damage.
// Learned from org.apache.cassandra.io.sstable.format.big.RowIndexEntry.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/byte_source.h"
#include "base/result.h"

namespace braid {

// Goes through an Index.db once. Memory: one entry and a buffer. Not thread-safe.
class IndexReader {
 public:
  // `index` must outlive the reader.
  explicit IndexReader(const ByteSource* index) : index_(index) {}

  // The offset in the data of the first partition that begins behind `offset`, or nothing if none does. Offsets asked
  // for must not fall. Errors: kCorrupt, kIoError.
  Result<std::optional<uint64_t>> FirstAfter(uint64_t offset);

 private:
  // Sees to it that the buffer has `bytes` from at_ on. False at the file's end.
  Result<bool> Fill(uint64_t bytes);

  const ByteSource* index_;
  std::string buffer_;
  uint64_t buffer_start_ = 0;
  uint64_t at_ = 0;  // in the file
  uint64_t last_ = 0;
  bool any_ = false;
};

}  // namespace braid
