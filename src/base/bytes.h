// Views of bytes, and big-endian loads and stores. Cassandra's formats are big-endian throughout.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace braid {

// Bytes that somebody else owns. Compares as unsigned bytes, as Cassandra and RocksDB do.
using ByteView = std::string_view;

template <typename Int>
inline Int LoadBigEndian(const char* from) {
  Int value;
  std::memcpy(&value, from, sizeof(value));
  if constexpr (sizeof(Int) == 2) return static_cast<Int>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(Int) == 4) return static_cast<Int>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(Int) == 8) return static_cast<Int>(__builtin_bswap64(static_cast<uint64_t>(value)));
  return value;
}

template <typename Int>
inline void StoreBigEndian(char* to, Int value) {
  if constexpr (sizeof(Int) == 2) value = static_cast<Int>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(Int) == 4) value = static_cast<Int>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(Int) == 8) value = static_cast<Int>(__builtin_bswap64(static_cast<uint64_t>(value)));
  std::memcpy(to, &value, sizeof(value));
}

template <typename Int>
inline void AppendBigEndian(std::string* to, Int value) {
  char bytes[sizeof(Int)];
  StoreBigEndian(bytes, value);
  to->append(bytes, sizeof(Int));
}

static_assert(std::endian::native == std::endian::little, "Braid is built for little-endian machines");

}  // namespace braid
