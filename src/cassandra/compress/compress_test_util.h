// Compresses as Cassandra does, for tests and benchmarks.
#pragma once

#include <libdeflate.h>
#include <lz4.h>
#include <snappy.h>
#include <zstd.h>

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "cassandra/compress/compress.h"

namespace braid {

// One block as Cassandra's compressor makes it.
inline std::string CompressBlock(Compression compression, ByteView raw) {
  std::string block;
  switch (compression) {
    case Compression::kNoop:
      return std::string(raw);
    case Compression::kLz4: {
      const uint32_t size = static_cast<uint32_t>(raw.size());
      block.assign(reinterpret_cast<const char*>(&size), sizeof(size));
      block.resize(4 + static_cast<size_t>(LZ4_compressBound(static_cast<int>(raw.size()))));
      block.resize(4 +
                   static_cast<size_t>(LZ4_compress_default(raw.data(), block.data() + 4, static_cast<int>(raw.size()),
                                                            static_cast<int>(block.size() - 4))));
      return block;
    }
    case Compression::kSnappy:
      snappy::Compress(raw.data(), raw.size(), &block);
      return block;
    case Compression::kDeflate: {
      libdeflate_compressor* const compressor = libdeflate_alloc_compressor(6);
      block.resize(libdeflate_zlib_compress_bound(compressor, raw.size()));
      block.resize(libdeflate_zlib_compress(compressor, raw.data(), raw.size(), block.data(), block.size()));
      libdeflate_free_compressor(compressor);
      return block;
    }
    case Compression::kZstd:
      block.resize(ZSTD_compressBound(raw.size()));
      block.resize(ZSTD_compress(block.data(), block.size(), raw.data(), raw.size(), 3));
      return block;
  }
  return block;
}

}  // namespace braid
