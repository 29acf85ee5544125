#include "shape/literal.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "cassandra/types/validate.h"
#include "shape/time_text.h"

namespace braid::shape {
namespace {

// Numbers with more digits than this are refused: turning them into bytes takes time in the square of their length.
constexpr size_t kMaxDigits = 10'000;

// What to write for a value of the type.
std::string Advice(const Type& type) {
  const auto whole = [](int64_t least, int64_t most) {
    return fmt::format("write a whole number from {} to {}", least, most);
  };
  switch (type.kind) {
    case TypeKind::kBoolean:
      return "write true or false";
    case TypeKind::kTinyint:
      return whole(std::numeric_limits<int8_t>::min(), std::numeric_limits<int8_t>::max());
    case TypeKind::kSmallint:
      return whole(std::numeric_limits<int16_t>::min(), std::numeric_limits<int16_t>::max());
    case TypeKind::kInt:
      return whole(std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
    case TypeKind::kBigint:
    case TypeKind::kCounter:
      return whole(std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
    case TypeKind::kVarint:
      return fmt::format("write a whole number of at most {} digits", kMaxDigits);
    case TypeKind::kDecimal:
      return fmt::format("write a number of at most {} digits, e.g. 1.50", kMaxDigits);
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return "write a number within its range, e.g. 1.5, or NaN, Infinity or -Infinity";
    case TypeKind::kAscii:
      return "write a text of ASCII characters in single quotes, e.g. 'abc'";
    case TypeKind::kText:
      return "write a text in single quotes, e.g. 'abc'";
    case TypeKind::kBlob:
      return "write 0x and two hexadecimal digits for each byte, e.g. 0xCAFE";
    case TypeKind::kUuid:
      return "write a UUID without quotes, e.g. 123e4567-e89b-12d3-a456-426614174000";
    case TypeKind::kTimeuuid:
      return "write a UUID of version 1 without quotes, e.g. 50554d6e-29bb-11e5-b345-feff819cdc9f";
    case TypeKind::kInet:
      return "write an address in single quotes, e.g. '10.0.0.1' or '::1'";
    case TypeKind::kDate:
      return "write a date in single quotes, e.g. '2026-11-21'";
    case TypeKind::kTime:
      return "write a time of day in single quotes, e.g. '07:40:51.123'";
    default:  // timestamp
      return "write a time in single quotes, e.g. '2026-11-21 07:40:51.123Z' (UTC if no zone is given), or "
             "milliseconds "
             "since 1970";
  }
}

template <typename Int>
std::optional<std::string> WholeNumber(const Word& literal) {
  Int value = 0;
  const char* const end = literal.text.data() + literal.text.size();
  if (literal.kind != WordKind::kNumber) return std::nullopt;
  const auto [stop, error] = std::from_chars(literal.text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  std::string bytes;
  AppendBigEndian(&bytes, value);
  return bytes;
}

template <typename Float, typename Bits>
std::optional<std::string> FloatingPoint(const Word& literal) {
  Float value = 0;
  if (literal.kind == WordKind::kNumber) {
    const char* const end = literal.text.data() + literal.text.size();
    const auto [stop, error] = std::from_chars(literal.text.data(), end, value);
    if (error != std::errc() || stop != end) return std::nullopt;
  } else if (literal.kind == WordKind::kName) {
    const std::string name = LowerCase(literal.text);
    if (name != "nan" && name != "infinity" && name != "-infinity") return std::nullopt;
    value = name == "nan" ? std::numeric_limits<Float>::quiet_NaN() : std::numeric_limits<Float>::infinity();
    if (name[0] == '-') value = -value;
  } else {
    return std::nullopt;
  }
  std::string bytes;
  AppendBigEndian(&bytes, std::bit_cast<Bits>(value));
  return bytes;
}

// The shortest two's complement of a whole number's digits.
std::string VarintBytes(std::string_view digits, bool negative) {
  std::vector<uint8_t> magnitude{0};  // the least byte first
  for (const char digit : digits) {
    uint32_t carry = static_cast<uint32_t>(digit - '0');
    for (uint8_t& byte : magnitude) {
      carry += byte * 10U;
      byte = static_cast<uint8_t>(carry);
      carry >>= 8;
    }
    if (carry > 0) magnitude.push_back(static_cast<uint8_t>(carry));
  }
  magnitude.push_back(0);
  if (negative) {
    uint32_t carry = 1;
    for (uint8_t& byte : magnitude) {
      carry += static_cast<uint8_t>(~byte);
      byte = static_cast<uint8_t>(carry);
      carry >>= 8;
    }
  }
  const auto is_sign_only = [&](size_t i) {
    return magnitude[i] == 0 ? magnitude[i - 1] < 0x80 : magnitude[i] == 0xFF && magnitude[i - 1] >= 0x80;
  };
  while (magnitude.size() > 1 && is_sign_only(magnitude.size() - 1)) magnitude.pop_back();
  return {magnitude.rbegin(), magnitude.rend()};
}

std::optional<std::string> Varint(const Word& literal) {
  std::string_view digits = literal.text;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  if (literal.kind != WordKind::kNumber || digits.size() > kMaxDigits) return std::nullopt;
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return VarintBytes(digits, negative);
}

std::optional<std::string> Decimal(const Word& literal) {
  if (literal.kind != WordKind::kNumber || literal.text.size() > kMaxDigits) return std::nullopt;
  const bool negative = literal.text[0] == '-';
  int64_t exponent = 0;
  int64_t scale = 0;
  std::string digits;
  bool in_fraction = false;
  for (size_t i = negative ? 1 : 0; i < literal.text.size(); ++i) {
    const char c = literal.text[i];
    if (c == '.') {
      in_fraction = true;
    } else if (c == 'e' || c == 'E') {
      const size_t from = literal.text[i + 1] == '+' ? i + 2 : i + 1;
      const char* const end = literal.text.data() + literal.text.size();
      if (std::from_chars(literal.text.data() + from, end, exponent).ec != std::errc()) return std::nullopt;
      break;
    } else {
      digits += c;
      if (in_fraction) ++scale;
    }
  }
  if (exponent > std::numeric_limits<int32_t>::max() || exponent < -std::numeric_limits<int32_t>::max()) {
    return std::nullopt;
  }
  scale -= exponent;
  if (scale != static_cast<int32_t>(scale)) return std::nullopt;
  std::string bytes;
  AppendBigEndian(&bytes, static_cast<int32_t>(scale));
  return bytes + VarintBytes(digits, negative);
}

// The bytes that hexadecimal digits stand for; what is not a digit is passed over.
std::string HexBytes(std::string_view digits) {
  std::string bytes;
  bool high = true;
  for (const char c : digits) {
    if (c == '-') continue;
    const int value = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    if (high) {
      bytes.push_back(static_cast<char>(value << 4));
    } else {
      bytes.back() = static_cast<char>(bytes.back() | value);
    }
    high = !high;
  }
  return bytes;
}

std::optional<std::string> Inet(const std::string& text) {
  char bytes[16];
  if (text.find('\0') != std::string::npos) return std::nullopt;
  if (inet_pton(AF_INET, text.c_str(), bytes) == 1) return std::string(bytes, 4);
  if (inet_pton(AF_INET6, text.c_str(), bytes) != 1) return std::nullopt;
  // Java's InetAddress makes an IPv4 address of one that is mapped into IPv6.
  static constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xFF\xFF", 12);
  const std::string_view all(bytes, 16);
  return std::string(all.starts_with(kMapped) ? all.substr(12) : all);
}

std::optional<std::string> Date(const std::string& text) {
  const std::optional<int64_t> days = ParseDate(text);
  if (!days) return std::nullopt;
  std::string bytes;
  AppendBigEndian(&bytes, static_cast<uint32_t>(*days + (int64_t{1} << 31)));
  return bytes;
}

std::optional<std::string> SixtyFour(std::optional<int64_t> value) {
  if (!value) return std::nullopt;
  std::string bytes;
  AppendBigEndian(&bytes, *value);
  return bytes;
}

std::optional<std::string> Boolean(const Word& literal) {
  const std::string name = LowerCase(literal.text);
  if (literal.kind != WordKind::kName || (name != "true" && name != "false")) return std::nullopt;
  return std::string(1, name == "true" ? '\1' : '\0');
}

std::optional<std::string> BytesOf(const Type& type, const Word& literal) {
  const bool is_text = literal.kind == WordKind::kText;
  switch (type.kind) {
    case TypeKind::kBoolean:
      return Boolean(literal);
    case TypeKind::kTinyint:
      return WholeNumber<int8_t>(literal);
    case TypeKind::kSmallint:
      return WholeNumber<int16_t>(literal);
    case TypeKind::kInt:
      return WholeNumber<int32_t>(literal);
    case TypeKind::kBigint:
    case TypeKind::kCounter:
      return WholeNumber<int64_t>(literal);
    case TypeKind::kVarint:
      return Varint(literal);
    case TypeKind::kDecimal:
      return Decimal(literal);
    case TypeKind::kFloat:
      return FloatingPoint<float, uint32_t>(literal);
    case TypeKind::kDouble:
      return FloatingPoint<double, uint64_t>(literal);
    case TypeKind::kBlob:
      if (literal.kind != WordKind::kBlob || literal.text.size() % 2 != 0) return std::nullopt;
      return HexBytes(std::string_view(literal.text).substr(2));
    case TypeKind::kUuid:
    case TypeKind::kTimeuuid:
      return literal.kind == WordKind::kUuid ? std::optional(HexBytes(literal.text)) : std::nullopt;
    case TypeKind::kInet:
      return is_text ? Inet(literal.text) : std::nullopt;
    case TypeKind::kDate:
      return is_text ? Date(literal.text) : std::nullopt;
    case TypeKind::kTime:
      return is_text ? SixtyFour(ParseTimeOfDay(literal.text)) : std::nullopt;
    case TypeKind::kTimestamp:
      return is_text ? SixtyFour(ParseTimestamp(literal.text)) : WholeNumber<int64_t>(literal);
    default:  // text, ascii
      return is_text ? std::optional(literal.text) : std::nullopt;
  }
}

}  // namespace

bool TakesLiterals(const Type& type) {
  switch (type.kind) {
    case TypeKind::kDuration:
    case TypeKind::kEmpty:
    case TypeKind::kList:
    case TypeKind::kSet:
    case TypeKind::kMap:
    case TypeKind::kTuple:
    case TypeKind::kUdt:
    case TypeKind::kVector:
    case TypeKind::kCustom:
      return false;
    default:
      return true;
  }
}

std::string Shown(const Word& word) {
  // A long literal's beginning is enough to find it.
  constexpr size_t kMost = 60;
  std::string text = word.text;
  if (text.size() > kMost) {
    size_t end = kMost;
    while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
    text = text.substr(0, end) + "…";
  }
  switch (word.kind) {
    case WordKind::kEnd:
      return "the end";
    case WordKind::kText:
      return "'" + text + "'";
    case WordKind::kQuotedName:
      return "\"" + text + "\"";
    default:
      return text;
  }
}

Result<std::string> LiteralValue(const Type& type, const Word& literal) {
  std::optional<std::string> bytes = BytesOf(type, literal);
  if (bytes && ValidateValue(type, *bytes).has_value()) return *std::move(bytes);
  return InvalidArgument(fmt::format("{} is no value of {}; {}", Shown(literal), ToCql(type), Advice(type)));
}

}  // namespace braid::shape
