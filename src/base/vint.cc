#include "base/vint.h"

#include <bit>

#include "base/bytes.h"

namespace braid {

int VintSize(uint64_t value) {
  const int bits = 64 - std::countl_zero(value | 1);
  return bits > 56 ? 9 : (bits + 6) / 7;
}

void AppendVint(std::string* to, uint64_t value) {
  const int size = VintSize(value);
  if (size == 1) {
    to->push_back(static_cast<char>(value));
    return;
  }
  char bytes[kMaxVintBytes];
  if (size == kMaxVintBytes) {
    bytes[0] = static_cast<char>(0xFF);
    StoreBigEndian<uint64_t>(bytes + 1, value);
  } else {
    const uint64_t length_bits = ~uint64_t{0} << (64 - (size - 1));
    StoreBigEndian<uint64_t>(bytes, (value << (8 * (8 - size))) | length_bits);
  }
  to->append(bytes, static_cast<size_t>(size));
}

}  // namespace braid
