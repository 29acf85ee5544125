// The pieces of JSON and of text that values are made of. Internal to the room: its door is encode/json.h.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace braid {

inline constexpr uint64_t kNanosecondsOfDay = 86400000000000;

template <typename Int>
void AppendInteger(Int value, std::string* out) {
  char buffer[20];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value);
  out->append(buffer, end.ptr);
}

// `text` as UTF-8: bytes that are not become U+FFFD, as in AppendJsonString. Without quotes or escapes.
void AppendUtf8(std::string_view text, std::string* out);

// The shortest digits from which the same Float is read again, with a point or an exponent, so that a reader takes it
// for no integer; NaN and infinities as JSON strings.
template <typename Float>
void AppendFloat(Float value, std::string* out);

// Standard base64 with padding, without quotes.
void AppendBase64(ByteView bytes, std::string* out);

// Lower-case hexadecimal.
void AppendHex(ByteView bytes, std::string* out);

// {"invalid":"BASE64"}: what is written for bytes that are no value of their type.
void AppendInvalid(ByteView bytes, std::string* out);

// "YYYY-MM-DD", proleptic Gregorian; a year past 9999 has a plus before it, one before 0000 a minus (as in Java's
// ISO_INSTANT). Without quotes.
void AppendDate(int64_t days_since_1970, std::string* out);

// "HH:MM:SS.FFFFFFFFF" with `fraction_digits` (3 or 9) digits of the second; `units` counts the least of them and is
// less than a day.
void AppendTimeOfDay(uint64_t units, int fraction_digits, std::string* out);

// An IPv4 address as four numbers; an IPv6 address in lower-case groups with the longest run of two or more zero groups
// (the first of several) as "::". `bytes` are 4 or 16.
void AppendInetAddress(ByteView bytes, std::string* out);

// 16 bytes as "5a1c395e-b41f-11e5-9f22-ba0be0483c18".
void AppendUuid(const char* bytes, std::string* out);

}  // namespace braid
