#include "encode/json_text.h"

#include <array>
#include <cmath>
#include <cstring>

#include "encode/json.h"

namespace braid {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD
constexpr char kHexDigits[] = "0123456789abcdef";

// What stands for a byte within a JSON string: 0 the byte itself, 'u' a \u escape, else the letter after a backslash;
// 1 for bytes of 0x80 and more, which are looked at together.
constexpr char kMultibyte = 1;
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> table{};
  for (size_t i = 0; i < 0x20; ++i) table[i] = 'u';
  for (size_t i = 0x80; i < 0x100; ++i) table[i] = kMultibyte;
  table['\b'] = 'b';
  table['\f'] = 'f';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}();

uint8_t ByteAt(std::string_view text, size_t i) {
  return static_cast<uint8_t>(text[i]);
}

// How many of the first bytes of `text` stand for themselves, counted in whole eights: what most of a string is.
size_t CopiedAsTheyStand(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x8080808080808080;
  size_t size = 0;
  for (; size + 8 <= text.size(); size += 8) {
    uint64_t eight;
    std::memcpy(&eight, text.data() + size, 8);
    // A high bit of a byte is set by what is below 0x20, by a quote, by a backslash, or is its own.
    const uint64_t control = eight - 0x20 * kOnes;
    const uint64_t quote = (eight ^ '"' * kOnes) - kOnes;
    const uint64_t backslash = (eight ^ '\\' * kOnes) - kOnes;
    if (((control | quote | backslash | eight) & kHighs) != 0) break;
  }
  return size;
}

struct Character {
  bool valid;
  size_t size;  // bytes that it takes; of an invalid one, those that one U+FFFD stands for
};

// Reads the UTF-8 character at the beginning of `text`, which begins with a byte of 0x80 or more. Strict: no
// surrogates, nothing longer than need be. An invalid one is the longest beginning of a valid one, as the Unicode
// standard advises.
Character ReadMultibyte(std::string_view text) {
  const uint8_t lead = ByteAt(text, 0);
  size_t size = 0;
  uint8_t least = 0x80;
  uint8_t most = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    size = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    size = 3;
    if (lead == 0xE0) least = 0xA0;
    if (lead == 0xED) most = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    size = 4;
    if (lead == 0xF0) least = 0x90;
    if (lead == 0xF4) most = 0x8F;
  } else {
    return {false, 1};
  }
  for (size_t i = 1; i < size; ++i) {
    if (i == text.size() || ByteAt(text, i) < least || ByteAt(text, i) > most) return {false, i};
    least = 0x80;
    most = 0xBF;
  }
  return {true, size};
}

void AppendDigits(uint64_t value, int width, std::string* out) {
  char buffer[20];
  for (int i = width; i-- > 0; value /= 10) buffer[i] = static_cast<char>('0' + value % 10);
  out->append(buffer, static_cast<size_t>(width));
}

// Where the longest run of zero groups is, and how long; {8, 0} if none has two.
std::pair<size_t, size_t> LongestZeroRun(const std::array<uint16_t, 8>& groups) {
  std::pair<size_t, size_t> longest = {groups.size(), 0};
  for (size_t start = 0; start < groups.size(); ++start) {
    size_t end = start;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - start > 1 && end - start > longest.second) longest = {start, end - start};
  }
  return longest;
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  size_t start = 0;  // of what is to be copied as it stands
  for (size_t i = CopiedAsTheyStand(text); i < text.size();) {
    const char escape = kEscapes[ByteAt(text, i)];
    if (escape == 0) [[likely]] {
      ++i;
      continue;
    }
    if (escape == kMultibyte) {
      const Character character = ReadMultibyte(text.substr(i));
      if (!character.valid) {
        out->append(text.substr(start, i - start));
        out->append(kReplacement);
        start = i + character.size;
      }
      i += character.size;
      continue;
    }
    out->append(text.substr(start, i - start));
    out->push_back('\\');
    out->push_back(escape);
    if (escape == 'u') {
      out->append("00");
      AppendHex(text.substr(i, 1), out);
    }
    start = ++i;
  }
  out->append(text.substr(start));
  out->push_back('"');
}

void AppendUtf8(std::string_view text, std::string* out) {
  size_t start = 0;  // of what is to be copied as it stands
  for (size_t i = CopiedAsTheyStand(text); i < text.size();) {
    if (ByteAt(text, i) < 0x80) [[likely]] {
      ++i;
      continue;
    }
    const Character character = ReadMultibyte(text.substr(i));
    if (!character.valid) {
      out->append(text.substr(start, i - start));
      out->append(kReplacement);
      start = i + character.size;
    }
    i += character.size;
  }
  out->append(text.substr(start));
}

template <typename Float>
void AppendFloat(Float value, std::string* out) {
  if (std::isnan(value)) {
    out->append("\"NaN\"");
  } else if (std::isinf(value)) {
    out->append(value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  } else {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value);
    const std::string_view digits(buffer, static_cast<size_t>(end.ptr - buffer));
    out->append(digits);
    // Without a point or exponent many readers would make an integer of it, and lose the sign of -0.
    if (digits.find_first_of(".e") == std::string_view::npos) out->append(".0");
  }
}
template void AppendFloat(float value, std::string* out);
template void AppendFloat(double value, std::string* out);

void AppendBase64(ByteView bytes, std::string* out) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const uint32_t three =
        (uint32_t{ByteAt(bytes, i)} << 16) | (uint32_t{ByteAt(bytes, i + 1)} << 8) | ByteAt(bytes, i + 2);
    const char four[] = {kAlphabet[three >> 18], kAlphabet[(three >> 12) & 63], kAlphabet[(three >> 6) & 63],
                         kAlphabet[three & 63]};
    out->append(four, sizeof(four));
  }
  const size_t left = bytes.size() - i;
  if (left == 0) return;
  const uint32_t rest = (uint32_t{ByteAt(bytes, i)} << 16) | (left == 2 ? uint32_t{ByteAt(bytes, i + 1)} << 8 : 0);
  const char four[] = {kAlphabet[rest >> 18], kAlphabet[(rest >> 12) & 63],
                       left == 2 ? kAlphabet[(rest >> 6) & 63] : '=', '='};
  out->append(four, sizeof(four));
}

void AppendHex(ByteView bytes, std::string* out) {
  for (const char byte : bytes) {
    out->push_back(kHexDigits[static_cast<uint8_t>(byte) >> 4]);
    out->push_back(kHexDigits[static_cast<uint8_t>(byte) & 15]);
  }
}

void AppendInvalid(ByteView bytes, std::string* out) {
  out->append("{\"invalid\":\"");
  AppendBase64(bytes, out);
  out->append("\"}");
}

void AppendDate(int64_t days_since_1970, std::string* out) {
  // Counted from 0000-03-01, so that a leap day is the last of its year; 400 years ("an era") are always 146097 days.
  const int64_t days = days_since_1970 + 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);

  if (year < 0) out->push_back('-');
  if (year > 9999) out->push_back('+');
  const auto magnitude = static_cast<uint64_t>(year < 0 ? -year : year);
  if (magnitude > 9999) {
    AppendInteger(magnitude, out);
  } else {
    AppendDigits(magnitude, 4, out);
  }
  out->push_back('-');
  AppendDigits(static_cast<uint64_t>(month), 2, out);
  out->push_back('-');
  AppendDigits(static_cast<uint64_t>(day), 2, out);
}

void AppendTimeOfDay(uint64_t units, int fraction_digits, std::string* out) {
  const uint64_t per_second = fraction_digits == 3 ? 1000 : 1000000000;
  const uint64_t seconds = units / per_second;
  AppendDigits(seconds / 3600, 2, out);
  out->push_back(':');
  AppendDigits(seconds / 60 % 60, 2, out);
  out->push_back(':');
  AppendDigits(seconds % 60, 2, out);
  out->push_back('.');
  AppendDigits(units % per_second, fraction_digits, out);
}

void AppendInetAddress(ByteView bytes, std::string* out) {
  if (bytes.size() == 4) {
    for (size_t i = 0; i < 4; ++i) {
      if (i > 0) out->push_back('.');
      AppendInteger(ByteAt(bytes, i), out);
    }
    return;
  }
  std::array<uint16_t, 8> groups;
  for (size_t i = 0; i < 8; ++i) groups[i] = LoadBigEndian<uint16_t>(bytes.data() + 2 * i);
  const auto [zeros, zeros_size] = LongestZeroRun(groups);
  for (size_t i = 0; i < 8;) {
    if (i == zeros) {
      out->append("::");
      i += zeros_size;
      continue;
    }
    if (i > 0 && i != zeros + zeros_size) out->push_back(':');
    char buffer[4];
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), groups[i], 16);
    out->append(buffer, end.ptr);
    ++i;
  }
}

void AppendUuid(const char* bytes, std::string* out) {
  char text[36];
  size_t at = 0;
  for (size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
    text[at++] = kHexDigits[static_cast<uint8_t>(bytes[i]) >> 4];
    text[at++] = kHexDigits[static_cast<uint8_t>(bytes[i]) & 15];
  }
  out->append(text, sizeof(text));
}

}  // namespace braid
