// SHA256_Init and its like are marked as deprecated in OpenSSL 3 in favour of calls that allocate.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "shape/hmac.h"

#include <algorithm>
#include <cstdint>

namespace braid::shape {
namespace {

constexpr size_t kBlock = SHA256_CBLOCK;

SHA256_CTX Begin(const uint8_t (&key)[kBlock], uint8_t pad) {
  uint8_t block[kBlock];
  std::ranges::transform(key, block, [pad](uint8_t byte) { return static_cast<uint8_t>(byte ^ pad); });
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, block, kBlock);
  return context;
}

}  // namespace

HmacSha256::HmacSha256(ByteView key) {
  uint8_t block[kBlock] = {};
  if (key.size() > kBlock) {
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, key.data(), key.size());
    SHA256_Final(block, &context);
  } else {
    std::ranges::copy(key, block);
  }
  inner_ = Begin(block, 0x36);
  outer_ = Begin(block, 0x5C);
}

void HmacSha256::Text(ByteView message, char* to) const {
  static constexpr char kDigits[] = "0123456789abcdef";
  uint8_t hash[SHA256_DIGEST_LENGTH];
  SHA256_CTX context = inner_;
  SHA256_Update(&context, message.data(), message.size());
  SHA256_Final(hash, &context);
  context = outer_;
  SHA256_Update(&context, hash, sizeof(hash));
  SHA256_Final(hash, &context);
  for (const uint8_t byte : hash) {
    *to++ = kDigits[byte >> 4];
    *to++ = kDigits[byte & 15];
  }
}

}  // namespace braid::shape
