// Arbitrary-precision numbers as values carry them: just enough to order and to print them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace braid {

// Varints longer than this are not turned into decimal digits, which takes time in the square of the length: they count
// as bytes that do not parse where decimals are ordered, and print as hexadecimal.
inline constexpr size_t kMaxDecimalDigitsBytes = 16 * 1024;

// A varint without the leading bytes that only repeat its sign; at least one byte of a non-empty one.
ByteView TrimVarint(ByteView varint);

// Appends the decimal digits of a varint's magnitude: no sign, no leading zeros, "0" for zero. `varint` is not empty
// and at most kMaxDecimalDigitsBytes long (CHECKed).
void AppendDecimalDigits(ByteView varint, std::string* digits);

// A decimal's number, whatever the scale it was written with: sign * 0.DIGITS * 10^exponent.
struct NormalDecimal {
  int sign = 0;          // -1, 0 or 1
  int64_t exponent = 0;  // 0 for zero
  std::string digits;    // the first and the last are not '0'; empty for zero
};

// Reads the canonical bytes of a decimal. nullopt if they hold no number, or one of more than kMaxDecimalDigitsBytes.
std::optional<NormalDecimal> Normalize(ByteView decimal);

}  // namespace braid
