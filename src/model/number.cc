#include "model/number.h"

#include <charconv>
#include <vector>

#include "base/check.h"

namespace braid {
namespace {

constexpr uint32_t kBillion = 1000000000;

bool Negative(ByteView varint) {
  return static_cast<int8_t>(varint[0]) < 0;
}

// The magnitude as 32-bit words, the most significant first.
std::vector<uint32_t> MagnitudeWords(ByteView varint) {
  const bool negative = Negative(varint);
  std::vector<uint32_t> words((varint.size() + 3) / 4, negative ? ~uint32_t{0} : 0);
  for (size_t i = 0; i < varint.size(); ++i) {
    uint32_t& word = words[words.size() - 1 - i / 4];
    const int shift = static_cast<int>(8 * (i % 4));
    const auto byte = static_cast<uint8_t>(varint[varint.size() - 1 - i]);
    word = (word & ~(uint32_t{0xFF} << shift)) | (uint32_t{byte} << shift);
  }
  if (negative) {
    uint64_t carry = 1;
    for (size_t i = words.size(); i-- > 0;) {
      carry += static_cast<uint32_t>(~words[i]);
      words[i] = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
  }
  return words;
}

void AppendUnsigned(uint64_t value, std::string* digits) {
  char buffer[20];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value);
  digits->append(buffer, end.ptr);
}

}  // namespace

ByteView TrimVarint(ByteView varint) {
  while (varint.size() > 1 && (varint[0] == '\0' || varint[0] == '\xFF') && ((varint[0] ^ varint[1]) & 0x80) == 0) {
    varint.remove_prefix(1);
  }
  return varint;
}

void AppendDecimalDigits(ByteView varint, std::string* digits) {
  CHECK(!varint.empty() && varint.size() <= kMaxDecimalDigitsBytes);
  varint = TrimVarint(varint);
  if (varint.size() <= 8) {
    uint64_t value = Negative(varint) ? ~uint64_t{0} : 0;
    for (const char byte : varint) value = (value << 8) | static_cast<uint8_t>(byte);
    return AppendUnsigned(Negative(varint) ? 0 - value : value, digits);
  }
  // Nine digits at a time, from the least: each round divides what is left by 10^9.
  std::vector<uint32_t> words = MagnitudeWords(varint);
  std::vector<uint32_t> groups;
  for (size_t first = 0; first < words.size();) {
    uint64_t remainder = 0;
    for (size_t i = first; i < words.size(); ++i) {
      remainder = (remainder << 32) | words[i];
      words[i] = static_cast<uint32_t>(remainder / kBillion);
      remainder %= kBillion;
    }
    groups.push_back(static_cast<uint32_t>(remainder));
    while (first < words.size() && words[first] == 0) ++first;
  }
  AppendUnsigned(groups.back(), digits);
  for (size_t i = groups.size() - 1; i-- > 0;) {
    const size_t start = digits->size();
    AppendUnsigned(uint64_t{kBillion} + groups[i], digits);
    digits->erase(start, 1);  // the 1 of 10^9, which kept the zeros
  }
}

std::optional<NormalDecimal> Normalize(ByteView decimal) {
  if (decimal.size() < 5 || decimal.size() > 4 + kMaxDecimalDigitsBytes) return std::nullopt;
  const auto scale = LoadBigEndian<int32_t>(decimal.data());
  const ByteView unscaled = decimal.substr(4);
  NormalDecimal normal;
  AppendDecimalDigits(unscaled, &normal.digits);
  if (normal.digits == "0") {
    normal.digits.clear();
    return normal;
  }
  normal.sign = Negative(unscaled) ? -1 : 1;
  normal.exponent = static_cast<int64_t>(normal.digits.size()) - scale;
  normal.digits.erase(normal.digits.find_last_not_of('0') + 1);
  return normal;
}

}  // namespace braid
