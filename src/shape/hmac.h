// HMAC-SHA-256 (RFC 2104, FIPS 180-4) with the key's part done beforehand.
#pragma once

#include <openssl/sha.h>

#include <string>

#include "base/bytes.h"

namespace braid::shape {

// Characters of a hash as text.
inline constexpr size_t kHmacTextSize = 64;

// Immutable, allocates nothing when it hashes. libcrypto's own HMAC takes memory for each message; its SHA-256 does
// not.
class HmacSha256 {
 public:
  // The key may be of any size.
  explicit HmacSha256(ByteView key);

  // Writes the hash of `message` to `to` as kHmacTextSize lower-case hexadecimal digits.
  void Text(ByteView message, char* to) const;

 private:
  SHA256_CTX inner_;
  SHA256_CTX outer_;
};

}  // namespace braid::shape
