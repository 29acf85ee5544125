// A view of a Data.db that moves forward through it, chunk by chunk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/result.h"
#include "cassandra/sstable/chunk_reader.h"

namespace braid {

// Holds what is between its position and what has been filled in, and what was passed since the last Release(): so
// views of it stay good until then. Not thread-safe.
class DataWindow {
 public:
  // `chunks` must outlive the window, which takes about `step_bytes` of them at a time. Begins at 0, with nothing
  // filled in.
  DataWindow(ChunkReader* chunks, uint64_t step_bytes) : chunks_(chunks), step_bytes_(step_bytes) {}

  // Where the window stands in the uncompressed data.
  uint64_t position() const { return buffer_start_ + consumed_; }
  // Uncompressed bytes from the position to the end of the data.
  uint64_t remaining() const { return chunks_->length() - position(); }
  // What is filled in from the position on. Lives until Release().
  ByteView view() const { return {buffer_.data() + consumed_, filled_ - consumed_}; }
  // True if view() reaches the end of the data.
  bool whole() const { return view().size() == remaining(); }

  // Sees to it that view() has at least `bytes`, or all that remains. Errors: those of ChunkReader::Append; what had
  // been filled in stays.
  Status Fill(uint64_t bytes);
  // True if Fill(bytes) has nothing to do.
  bool Has(uint64_t bytes) const { return view().size() >= bytes; }
  // Moves forward by `bytes`, which view() must have.
  void Consume(uint64_t bytes) {
    CHECK(bytes <= view().size());
    consumed_ += bytes;
  }
  // Moves to `position` in the data, forward or back, and releases all.
  void MoveTo(uint64_t position);
  // Ends the life of what was passed.
  void Release() {
    if (!passed_.empty()) ReleasePassed();
  }

 private:
  void ReleasePassed();

  ChunkReader* chunks_;
  uint64_t step_bytes_;
  std::string buffer_;  // filled in up to filled_: from buffer_start_, a whole number of chunks but for its beginning
  size_t filled_ = 0;
  uint64_t buffer_start_ = 0;
  size_t consumed_ = 0;
  std::vector<std::string> passed_;
  std::string spare_;  // memory to be used again; its size too, so that it need not be cleared
};

}  // namespace braid
