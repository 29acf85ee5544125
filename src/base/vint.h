// Cassandra's variable-length integers, which Braid's own formats use too.
//
// The number of leading 1-bits of the first byte is the number of bytes that follow it (0 to 8); the rest of the first
// byte and then those bytes are the value, big-endian. Signed values are zigzag-coded first.
// Learned from org.apache.cassandra.utils.vint.VIntCoding.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace braid {

inline constexpr int kMaxVintBytes = 9;

inline uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

// Bytes that `value` takes, 1 to 9.
inline int VintSize(uint64_t value) {
  const int bits = 64 - std::countl_zero(value | 1);
  return bits > 56 ? 9 : (bits + 6) / 7;
}

// Writes `value` in its shortest form to `to`, which must have room for kMaxVintBytes: bytes beyond the form may be
// overwritten. Gives the bytes that the form takes.
inline size_t StoreVint(char* to, uint64_t value) {
  if (value < 0x80) {
    *to = static_cast<char>(value);
    return 1;
  }
  const int size = VintSize(value);
  if (size == kMaxVintBytes) {
    *to = static_cast<char>(0xFF);
    StoreBigEndian<uint64_t>(to + 1, value);
  } else {
    const uint64_t length_bits = ~uint64_t{0} << (64 - (size - 1));
    StoreBigEndian<uint64_t>(to, (value << (8 * (8 - size))) | length_bits);
  }
  return static_cast<size_t>(size);
}

// Appends `value` in its shortest form.
void AppendVint(std::string* to, uint64_t value);
inline void AppendSignedVint(std::string* to, int64_t value) {
  AppendVint(to, ZigZag(value));
}

}  // namespace braid
