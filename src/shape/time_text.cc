#include "shape/time_text.h"

#include <chrono>

namespace braid::shape {
namespace {

constexpr int64_t kNanosecondsOfSecond = 1'000'000'000;
constexpr int64_t kMillisecondsOfDay = 86'400'000;

// Takes what it reads off the front. Once something is not there, all that follows is not.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int64_t Digits(size_t count) {
    if (rest_.size() < count) ok_ = false;
    int64_t value = 0;
    for (size_t i = 0; i < count && ok_; ++i) {
      const char c = rest_[i];
      if (c < '0' || c > '9') ok_ = false;
      value = value * 10 + (c - '0');
    }
    if (ok_) rest_.remove_prefix(count);
    return value;
  }
  // Digits(count), which must be no more than `most`.
  int64_t UpTo(size_t count, int64_t most) {
    const int64_t value = Digits(count);
    if (value > most) ok_ = false;
    return value;
  }
  bool Skip(char c) {
    if (!ok_ || rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void Expect(char c) {
    if (!Skip(c)) ok_ = false;
  }
  // One to nine digits, as nanoseconds.
  int64_t Fraction() {
    int64_t value = 0;
    int64_t unit = kNanosecondsOfSecond;
    while (ok_ && !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9' && unit > 1) {
      unit /= 10;
      value += (rest_.front() - '0') * unit;
      rest_.remove_prefix(1);
    }
    if (unit == kNanosecondsOfSecond) ok_ = false;
    return value;
  }
  bool ended() const { return rest_.empty(); }
  bool ok() const { return ok_; }
  void Fail() { ok_ = false; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

int64_t TakeDate(Reader* from) {
  const auto year = std::chrono::year(static_cast<int>(from->Digits(4)));
  from->Expect('-');
  const auto month = std::chrono::month(static_cast<unsigned>(from->UpTo(2, 12)));
  from->Expect('-');
  const auto day = std::chrono::day(static_cast<unsigned>(from->UpTo(2, 31)));
  const std::chrono::year_month_day date = year / month / day;
  if (!date.ok()) from->Fail();
  return from->ok() ? std::chrono::sys_days(date).time_since_epoch().count() : 0;
}

// Seconds of the zone's offset to UTC.
int64_t TakeZone(Reader* from) {
  if (from->ended() || from->Skip('Z') || from->Skip('z')) return 0;
  const bool west = from->Skip('-');
  if (!west) from->Expect('+');
  int64_t offset = from->UpTo(2, 18) * 3600;
  const bool colon = from->Skip(':');
  if (colon || !from->ended()) offset += from->UpTo(2, 59) * 60;
  return west ? -offset : offset;
}

}  // namespace

std::optional<int64_t> ParseDate(std::string_view text) {
  Reader from(text);
  const int64_t days = TakeDate(&from);
  if (!from.ok() || !from.ended()) return std::nullopt;
  return days;
}

std::optional<int64_t> ParseTimeOfDay(std::string_view text) {
  Reader from(text);
  int64_t seconds = from.UpTo(2, 23) * 3600;
  from.Expect(':');
  seconds += from.UpTo(2, 59) * 60;
  from.Expect(':');
  seconds += from.UpTo(2, 59);
  const int64_t fraction = from.Skip('.') ? from.Fraction() : 0;
  if (!from.ok() || !from.ended()) return std::nullopt;
  return seconds * kNanosecondsOfSecond + fraction;
}

std::optional<int64_t> ParseTimestamp(std::string_view text) {
  Reader from(text);
  const int64_t days = TakeDate(&from);
  int64_t seconds = 0;
  int64_t fraction = 0;
  if (from.Skip('T') || from.Skip('t') || from.Skip(' ')) {
    seconds = from.UpTo(2, 23) * 3600;
    from.Expect(':');
    seconds += from.UpTo(2, 59) * 60;
    if (from.Skip(':')) {
      seconds += from.UpTo(2, 59);
      if (from.Skip('.')) fraction = from.Fraction();
    }
  }
  seconds -= TakeZone(&from);
  if (!from.ok() || !from.ended()) return std::nullopt;
  return days * kMillisecondsOfDay + seconds * 1000 + fraction / 1'000'000;
}

}  // namespace braid::shape
