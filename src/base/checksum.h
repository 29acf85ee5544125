// The checksums of the formats that Braid reads.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace braid {

// CRC-32 with zlib's polynomial, continued from `crc` (0 at the start).
uint32_t Crc32(uint32_t crc, ByteView bytes);

// The same over one 32-bit integer, fed big-endian as Java's updateChecksumInt does.
uint32_t Crc32OfInt(uint32_t crc, uint32_t value);

// A 64-bit content hash (XXH3); stable between versions and machines.
uint64_t Hash64(ByteView bytes, uint64_t seed = 0);

}  // namespace braid
