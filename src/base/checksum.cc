#include "base/checksum.h"

#include <libdeflate.h>
#include <xxhash.h>

namespace braid {

uint32_t Crc32(uint32_t crc, ByteView bytes) {
  return libdeflate_crc32(crc, bytes.data(), bytes.size());
}

uint32_t Crc32OfInt(uint32_t crc, uint32_t value) {
  char bytes[4];
  StoreBigEndian(bytes, value);
  return libdeflate_crc32(crc, bytes, sizeof(bytes));
}

uint64_t Hash64(ByteView bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace braid
