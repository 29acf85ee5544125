// The checksums of the formats that Braid reads and writes.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace braid {

// CRC-32 with zlib's polynomial, continued from `crc` (0 at the start).
uint32_t Crc32(uint32_t crc, ByteView bytes);

// The same over one 32-bit integer, fed big-endian as Java's updateChecksumInt does.
uint32_t Crc32OfInt(uint32_t crc, uint32_t value);

// CRC-32C (Castagnoli), continued from `crc` (0 at the start); by the processor's own instruction where it has one.
uint32_t Crc32c(uint32_t crc, ByteView bytes);

// A 64-bit content hash (XXH3); stable between versions and machines.
uint64_t Hash64(ByteView bytes, uint64_t seed = 0);

// A 128-bit content hash (XXH3) under a secret: as good as chance for bytes whose maker does not know it.
class SecretHash {
 public:
  struct Value {
    uint64_t high = 0;
    uint64_t low = 0;
    bool operator==(const Value&) const = default;
  };

  // The secret is made from `seed`, any bytes: 16 random ones are enough.
  explicit SecretHash(ByteView seed);
  Value operator()(ByteView bytes) const;

 private:
  std::array<char, 192> secret_;
};

}  // namespace braid
