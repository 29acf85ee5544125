#include "cassandra/compress/compress.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <lz4.h>
#include <snappy.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace braid {

namespace {

constexpr size_t kLz4Prefix = 4;

// The most that a byte of each format can stand for (a run's length byte; a copy of 64 bytes in three; 258 bytes in two
// bits; a block of 128 KiB in four bytes).
constexpr uint64_t kMaxLz4Ratio = 256;
constexpr uint64_t kMaxSnappyRatio = 64;
constexpr uint64_t kMaxDeflateRatio = 1040;
constexpr uint64_t kMaxZstdRatio = 128 * 1024;

struct NamedClass {
  Compression compression;
  const char* name;
};

constexpr std::array kClasses = {
    NamedClass{Compression::kNoop, "NoopCompressor"},     NamedClass{Compression::kLz4, "LZ4Compressor"},
    NamedClass{Compression::kSnappy, "SnappyCompressor"}, NamedClass{Compression::kDeflate, "DeflateCompressor"},
    NamedClass{Compression::kZstd, "ZstdCompressor"},
};

Error TooLong(Compression compression, uint64_t claimed, size_t capacity) {
  return Corrupt(fmt::format("{} block of {} bytes where at most {} are possible", CompressionName(compression),
                             claimed, capacity));
}

Error Broken(Compression compression) {
  return Corrupt(fmt::format("{} block does not decompress", CompressionName(compression)));
}

// Of a block of at least kLz4Prefix bytes. Little-endian, as is this machine (base/bytes.h).
uint32_t Lz4RawLength(ByteView block) {
  uint32_t raw = 0;
  std::memcpy(&raw, block.data(), sizeof(raw));
  return raw;
}

Result<size_t> DecompressLz4(ByteView block, char* to, size_t capacity) {
  if (block.size() < kLz4Prefix) return Broken(Compression::kLz4);
  const uint32_t raw = Lz4RawLength(block);
  if (raw > capacity) return TooLong(Compression::kLz4, raw, capacity);
  block.remove_prefix(kLz4Prefix);
  if (block.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
      raw > static_cast<uint32_t>(std::numeric_limits<int>::max())) {
    return Broken(Compression::kLz4);
  }
  const int made = LZ4_decompress_safe(block.data(), to, static_cast<int>(block.size()), static_cast<int>(raw));
  if (made < 0 || static_cast<uint32_t>(made) != raw) return Broken(Compression::kLz4);
  return static_cast<size_t>(raw);
}

Result<size_t> DecompressSnappy(ByteView block, char* to, size_t capacity) {
  size_t raw = 0;
  if (!snappy::GetUncompressedLength(block.data(), block.size(), &raw)) return Broken(Compression::kSnappy);
  if (raw > capacity) return TooLong(Compression::kSnappy, raw, capacity);
  if (!snappy::RawUncompress(block.data(), block.size(), to)) return Broken(Compression::kSnappy);
  return raw;
}

}  // namespace

struct Decompressor::Contexts {
  std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> deflate{nullptr,
                                                                                       libdeflate_free_decompressor};
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> zstd{nullptr, ZSTD_freeDCtx};
};

Result<Compression> CompressionOfClass(std::string_view class_name) {
  const size_t dot = class_name.rfind('.');
  const std::string_view simple = dot == std::string_view::npos ? class_name : class_name.substr(dot + 1);
  for (const NamedClass& known : kClasses) {
    if (simple == known.name) return known.compression;
  }
  return Unsupported(
      fmt::format("compressor class '{}' is none of Cassandra's own (LZ4Compressor, SnappyCompressor, "
                  "DeflateCompressor, ZstdCompressor, NoopCompressor); configure one of these and, for "
                  "SSTables, rewrite them with 'nodetool upgradesstables -a'",
                  class_name.substr(0, 200)));
}

const char* CompressionName(Compression compression) {
  for (const NamedClass& known : kClasses) {
    if (compression == known.compression) return known.name;
  }
  return "?";
}

Decompressor::Decompressor(Compression compression)
    : compression_(compression), contexts_(std::make_unique<Contexts>()) {}
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;

Result<uint64_t> Decompressor::RawLengthLimit(ByteView block) const {
  switch (compression_) {
    case Compression::kNoop:
      return uint64_t{block.size()};
    case Compression::kLz4: {
      if (block.size() < kLz4Prefix) return Broken(compression_);
      const uint64_t raw = Lz4RawLength(block);
      if (raw > kMaxLz4Ratio * block.size()) return Broken(compression_);
      return raw;
    }
    case Compression::kSnappy: {
      size_t raw = 0;
      if (!snappy::GetUncompressedLength(block.data(), block.size(), &raw)) return Broken(compression_);
      if (raw > kMaxSnappyRatio * block.size()) return Broken(compression_);
      return uint64_t{raw};
    }
    case Compression::kDeflate:
      return kMaxDeflateRatio * block.size();
    case Compression::kZstd: {
      const unsigned long long raw = ZSTD_getFrameContentSize(block.data(), block.size());
      if (raw == ZSTD_CONTENTSIZE_ERROR) return Broken(compression_);
      if (raw == ZSTD_CONTENTSIZE_UNKNOWN) return kMaxZstdRatio * block.size();
      return std::min<uint64_t>(raw, kMaxZstdRatio * block.size());
    }
  }
  return Broken(compression_);
}

Result<size_t> Decompressor::Decompress(ByteView block, char* to, size_t capacity) {
  switch (compression_) {
    case Compression::kNoop:
      if (block.size() > capacity) return TooLong(compression_, block.size(), capacity);
      if (!block.empty()) std::memcpy(to, block.data(), block.size());
      return block.size();
    case Compression::kLz4:
      return DecompressLz4(block, to, capacity);
    case Compression::kSnappy:
      return DecompressSnappy(block, to, capacity);
    case Compression::kDeflate: {
      if (contexts_->deflate == nullptr) contexts_->deflate.reset(libdeflate_alloc_decompressor());
      size_t made = 0;
      const libdeflate_result result =
          libdeflate_zlib_decompress(contexts_->deflate.get(), block.data(), block.size(), to, capacity, &made);
      if (result == LIBDEFLATE_INSUFFICIENT_SPACE) return TooLong(compression_, block.size(), capacity);
      if (result != LIBDEFLATE_SUCCESS) return Broken(compression_);
      return made;
    }
    case Compression::kZstd: {
      if (contexts_->zstd == nullptr) contexts_->zstd.reset(ZSTD_createDCtx());
      const size_t made = ZSTD_decompressDCtx(contexts_->zstd.get(), to, capacity, block.data(), block.size());
      if (ZSTD_isError(made) != 0) return Broken(compression_);
      return made;
    }
  }
  return Broken(compression_);
}

}  // namespace braid
