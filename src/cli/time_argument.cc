#include "cli/time_argument.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <string_view>

namespace braid {
namespace {

// Reads exactly `digits` digits at the front of `text` and takes them off it. -1 if they are not there.
int TakeNumber(std::string_view* text, size_t digits) {
  int value = 0;
  if (text->size() < digits) return -1;
  const auto [end, error] = std::from_chars(text->data(), text->data() + digits, value);
  if (error != std::errc() || end != text->data() + digits || (*text)[0] == '-') return -1;
  text->remove_prefix(digits);
  return value;
}

bool TakeChar(std::string_view* text, char wanted) {
  if (text->empty() || text->front() != wanted) return false;
  text->remove_prefix(1);
  return true;
}

// The offset from UTC in seconds: "Z", "+hh:mm" or "-hh:mm", and then nothing.
bool TakeZone(std::string_view* text, int* offset_s) {
  *offset_s = 0;
  if (TakeChar(text, 'Z') || TakeChar(text, 'z')) return text->empty();
  const int sign = TakeChar(text, '+') ? 1 : TakeChar(text, '-') ? -1 : 0;
  if (sign == 0) return false;
  const int hours = TakeNumber(text, 2);
  if (!TakeChar(text, ':')) return false;
  const int minutes = TakeNumber(text, 2);
  *offset_s = sign * (hours * 3600 + minutes * 60);
  return hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59 && text->empty();
}

bool Parse(std::string_view text, int64_t* seconds) {
  using std::chrono::day;
  using std::chrono::month;
  using std::chrono::sys_days;
  using std::chrono::year;

  const int y = TakeNumber(&text, 4);
  if (!TakeChar(&text, '-')) return false;
  const int m = TakeNumber(&text, 2);
  if (!TakeChar(&text, '-')) return false;
  const int d = TakeNumber(&text, 2);
  if (!TakeChar(&text, 'T') && !TakeChar(&text, 't') && !TakeChar(&text, ' ')) return false;
  const int hour = TakeNumber(&text, 2);
  if (!TakeChar(&text, ':')) return false;
  const int minute = TakeNumber(&text, 2);
  if (!TakeChar(&text, ':')) return false;
  const int second = TakeNumber(&text, 2);
  if (TakeChar(&text, '.')) {
    if (TakeNumber(&text, 1) < 0) return false;
    while (TakeNumber(&text, 1) >= 0) {
    }
  }
  int offset_s = 0;
  if (!TakeZone(&text, &offset_s)) return false;
  if (y < 0 || m < 1 || d < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) {
    return false;
  }
  const std::chrono::year_month_day date = year(y) / month(static_cast<unsigned>(m)) / day(static_cast<unsigned>(d));
  if (!date.ok()) return false;
  *seconds = sys_days(date).time_since_epoch().count() * int64_t{86400} + hour * 3600 + minute * 60 + second - offset_s;
  return true;
}

}  // namespace

Result<UnixSeconds> ParseTimeArgument(const std::string& text) {
  UnixSeconds time;
  if (Parse(text, &time.s)) return time;
  return InvalidArgument(fmt::format("'{}' is not a time; give one like 2026-11-21T07:40:51Z", text));
}

}  // namespace braid
