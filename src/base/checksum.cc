#include "base/checksum.h"

#include <libdeflate.h>
#include <xxhash.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#include <array>
#include <cstring>

namespace braid {
namespace {

constexpr std::array<uint32_t, 256> MakeCrc32cTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0);
    table[byte] = crc;
  }
  return table;
}

uint32_t Crc32cByTable(uint32_t crc, ByteView bytes) {
  static constexpr std::array<uint32_t, 256> kTable = MakeCrc32cTable();
  for (const char byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xFF];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t Crc32cBySse42(uint32_t crc, ByteView bytes) {
  uint64_t wide = crc;
  while (bytes.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof(word));
    wide = _mm_crc32_u64(wide, word);
    bytes.remove_prefix(8);
  }
  crc = static_cast<uint32_t>(wide);
  for (const char byte : bytes) crc = _mm_crc32_u8(crc, static_cast<uint8_t>(byte));
  return crc;
}
#endif

}  // namespace

uint32_t Crc32c(uint32_t crc, ByteView bytes) {
#if defined(__x86_64__)
  static const bool by_instruction = __builtin_cpu_supports("sse4.2");
  if (by_instruction) return ~Crc32cBySse42(~crc, bytes);
#endif
  return ~Crc32cByTable(~crc, bytes);
}

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

SecretHash::SecretHash(ByteView seed) {
  for (size_t i = 0; i < secret_.size(); i += sizeof(uint64_t)) StoreBigEndian(secret_.data() + i, Hash64(seed, i));
}

SecretHash::Value SecretHash::operator()(ByteView bytes) const {
  const XXH128_hash_t hash = XXH3_128bits_withSecret(bytes.data(), bytes.size(), secret_.data(), secret_.size());
  return {hash.high64, hash.low64};
}

}  // namespace braid
