// Cassandra's variable-length integers, which Braid's own formats use too.
//
// The number of leading 1-bits of the first byte is the number of bytes that follow it (0 to 8); the rest of the first
// byte and then those bytes are the value, big-endian. Signed values are zigzag-coded first.
// Learned from org.apache.cassandra.utils.vint.VIntCoding.
#pragma once

#include <cstdint>
#include <string>

namespace braid {

inline constexpr int kMaxVintBytes = 9;

inline uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

// Bytes that `value` takes, 1 to 9.
int VintSize(uint64_t value);

// Appends `value` in its shortest form.
void AppendVint(std::string* to, uint64_t value);
inline void AppendSignedVint(std::string* to, int64_t value) {
  AppendVint(to, ZigZag(value));
}

}  // namespace braid
