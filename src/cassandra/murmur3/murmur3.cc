#include "cassandra/murmur3/murmur3.h"

#include <bit>
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

uint64_t Finish(uint64_t k) {
  k = (k ^ (k >> 33)) * 0xff51afd7ed558ccd;
  k = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53;
  return k ^ (k >> 33);
}

// The bytes of an incomplete block, the first lowest, each sign-extended as Java's byte is: the quirk.
uint64_t LoadTail(ByteView bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    value ^= static_cast<uint64_t>(static_cast<int64_t>(static_cast<int8_t>(bytes[i]))) << (8 * i);
  }
  return value;
}

uint64_t FirstHalfOfHash(ByteView bytes) {
  uint64_t h1 = 0;
  uint64_t h2 = 0;
  const size_t size = bytes.size();
  while (bytes.size() >= 16) {
    h1 ^= MixFirst(LoadLittleEndian(bytes.data()));
    h1 = (std::rotl(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= MixSecond(LoadLittleEndian(bytes.data() + 8));
    h2 = (std::rotl(h2, 31) + h1) * 5 + 0x38495ab5;
    bytes.remove_prefix(16);
  }
  if (bytes.size() > 8) h2 ^= MixSecond(LoadTail(bytes.substr(8)));
  if (!bytes.empty()) h1 ^= MixFirst(LoadTail(bytes.substr(0, 8)));

  h1 ^= size;
  h2 ^= size;
  h1 += h2;
  h2 += h1;
  return Finish(h1) + Finish(h2);
}

}  // namespace

Token Murmur3Token(ByteView partition_key) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  if (partition_key.empty()) return {kLeast};
  const auto hash = static_cast<int64_t>(FirstHalfOfHash(partition_key));
  return {hash == kLeast ? std::numeric_limits<int64_t>::max() : hash};
}

}  // namespace braid
