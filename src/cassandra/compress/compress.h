// Decompression of the blocks in Cassandra's commit logs and SSTables.
//
// A block is what one ICompressor made of one buffer: LZ4 is a 4-byte little-endian raw length and an LZ4 block; Snappy
// its raw format, which begins with the raw length; Deflate a zlib stream; Zstd one frame; Noop the bytes themselves.
// Learned from the classes in org.apache.cassandra.io.compress.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace braid {

enum class Compression : uint8_t { kNoop, kLz4, kSnappy, kDeflate, kZstd };

// The compressor that `class_name` names: a simple name such as "LZ4Compressor", or one with its package. Error:
// kUnsupported, with the name and what to do, for a class that is none of Cassandra's own.
Result<Compression> CompressionOfClass(std::string_view class_name);

// The name of Cassandra's class, without package. Static lifetime.
const char* CompressionName(Compression compression);

// Undoes one kind of compression. Keeps the library's working memory from block to block; not thread-safe.
class Decompressor {
 public:
  explicit Decompressor(Compression compression);
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;

  Compression compression() const { return compression_; }

  // The raw length that `block` states itself, or at least cannot exceed: what a claim from elsewhere is checked
  // against before memory is taken for it. Error: kCorrupt if it states none and should.
  Result<uint64_t> RawLengthLimit(ByteView block) const;

  // Decompresses one whole `block` into `to`, which has room for `capacity` bytes; gives the number of bytes made. A
  // block that would make more is kCorrupt, as is one that does not parse; nothing is allocated by what a block claims.
  // The bytes in `to` mean nothing after an error. The caller adds the file and offset to a message.
  Result<size_t> Decompress(ByteView block, char* to, size_t capacity);

 private:
  struct Contexts;

  Compression compression_;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace braid
