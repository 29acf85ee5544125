#include "encode/interval.h"

#include "base/cursor.h"
#include "encode/json_text.h"

namespace braid {
namespace {

constexpr uint64_t kNanosecondsOfSecond = 1000000000;

void AppendPart(int64_t value, char unit, std::string* out) {
  AppendInteger(value, out);
  out->push_back(unit);
}

// The seconds of the minute with as many digits after the point as they need.
void AppendSeconds(bool negative, uint64_t nanoseconds, std::string* out) {
  if (negative && nanoseconds > 0) out->push_back('-');
  AppendInteger(nanoseconds / kNanosecondsOfSecond, out);
  if (uint64_t fraction = nanoseconds % kNanosecondsOfSecond; fraction > 0) {
    char digits[9];
    for (size_t i = sizeof(digits); i-- > 0; fraction /= 10) digits[i] = static_cast<char>('0' + fraction % 10);
    size_t size = sizeof(digits);
    while (digits[size - 1] == '0') --size;
    out->push_back('.');
    out->append(digits, size);
  }
  out->push_back('S');
}

}  // namespace

bool AppendInterval(ByteView duration, std::string* out) {
  Cursor cursor(duration);
  const int64_t months = cursor.SignedVint();
  const int64_t days = cursor.SignedVint();
  const int64_t nanoseconds = cursor.SignedVint();
  if (!cursor.ok()) return false;
  out->push_back('P');
  AppendPart(months / 12, 'Y', out);
  AppendPart(months % 12, 'M', out);
  AppendPart(days, 'D', out);
  out->push_back('T');
  const bool negative = nanoseconds < 0;
  const uint64_t magnitude = negative ? ~static_cast<uint64_t>(nanoseconds) + 1 : static_cast<uint64_t>(nanoseconds);
  const auto minutes = static_cast<int64_t>(magnitude / kNanosecondsOfSecond / 60);
  const int64_t sign = negative ? -1 : 1;
  AppendPart(sign * (minutes / 60), 'H', out);
  AppendPart(sign * (minutes % 60), 'M', out);
  AppendSeconds(negative, magnitude % (60 * kNanosecondsOfSecond), out);
  return true;
}

}  // namespace braid
