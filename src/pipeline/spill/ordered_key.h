// Pieces of keys whose bytes sort as what they stand for does.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace braid {

inline void AppendOrdered(std::string* to, int64_t value) {
  AppendBigEndian<uint64_t>(to, static_cast<uint64_t>(value) ^ (uint64_t{1} << 63));
}

// Bytes in an order-preserving form that ends itself: 00 becomes 00 FF, the end is 00 00.
inline void AppendEscaped(std::string* to, ByteView bytes) {
  while (true) {
    const size_t zero = bytes.find('\0');
    if (zero == ByteView::npos) break;
    to->append(bytes.substr(0, zero));
    to->append("\0\xFF", 2);
    bytes.remove_prefix(zero + 1);
  }
  to->append(bytes);
  to->append("\0\0", 2);
}

}  // namespace braid
