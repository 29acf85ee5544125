#include "cassandra/murmur3/murmur3.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

namespace braid {
namespace {

constexpr uint64_t kC1 = 0x87c37b91114253d5;
constexpr uint64_t kC2 = 0x4cf5ad432745937f;

uint64_t LoadLittleEndian(const char* from) {
  uint64_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

uint64_t MixFirst(uint64_t k) {
  return std::rotl(k * kC1, 31) * kC2;
}
uint64_t MixSecond(uint64_t k) {
  return std::rotl(k * kC2, 33) * kC1;
}

uint64_t Finish(uint64_t h) {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccd;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53;
  return h ^ (h >> 33);
}

// Up to 8 bytes, each sign-extended before it is shifted to its place: a byte of 0x80 or more flips what is above it.
uint64_t SignedTail(const char* from, size_t size) {
  uint64_t k = 0;
  for (size_t i = 0; i < size; ++i) {
    k ^= static_cast<uint64_t>(static_cast<int64_t>(static_cast<int8_t>(from[i]))) << (8 * i);
  }
  return k;
}

}  // namespace

Token Murmur3Token(ByteView partition_key) {
  if (partition_key.empty()) return Token{std::numeric_limits<int64_t>::min()};
  const char* at = partition_key.data();
  size_t left = partition_key.size();
  uint64_t h1 = 0;
  uint64_t h2 = 0;
  for (; left >= 16; at += 16, left -= 16) {
    h1 ^= MixFirst(LoadLittleEndian(at));
    h1 = (std::rotl(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= MixSecond(LoadLittleEndian(at + 8));
    h2 = (std::rotl(h2, 31) + h1) * 5 + 0x38495ab5;
  }
  if (left > 8) h2 ^= MixSecond(SignedTail(at + 8, left - 8));
  if (left > 0) h1 ^= MixFirst(SignedTail(at, left < 8 ? left : 8));

  h1 ^= partition_key.size();
  h2 ^= partition_key.size();
  h1 += h2;
  h2 += h1;
  const auto hash = static_cast<int64_t>(Finish(h1) + Finish(h2));
  return Token{hash == std::numeric_limits<int64_t>::min() ? std::numeric_limits<int64_t>::max() : hash};
}

}  // namespace braid
