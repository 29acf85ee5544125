#include "control/quantity.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <span>

namespace braid {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr std::array<Unit, 5> kSizes = {{{"B", 1},
                                         {"KiB", uint64_t{1} << 10},
                                         {"MiB", uint64_t{1} << 20},
                                         {"GiB", uint64_t{1} << 30},
                                         {"TiB", uint64_t{1} << 40}}};
constexpr std::array<Unit, 6> kDurations = {{{"us", 1},
                                             {"ms", 1'000},
                                             {"s", 1'000'000},
                                             {"m", 60'000'000},
                                             {"h", uint64_t{3600} * 1'000'000},
                                             {"d", uint64_t{86400} * 1'000'000}}};

// What a message shows of a value: its beginning.
std::string Shown(std::string_view text) {
  return text.size() <= 40 ? fmt::format("'{}'", text) : fmt::format("'{}…'", text.substr(0, 40));
}

// A whole number and its unit. `text` is what is left when the number is taken.
Result<uint64_t> TakeNumber(std::string_view* text, const std::string& cure) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error == std::errc::result_out_of_range) {
    return InvalidArgument(fmt::format("{} is too large; {}", Shown(*text), cure));
  }
  if (error != std::errc()) return InvalidArgument(fmt::format("{} is no number with a unit; {}", Shown(*text), cure));
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  while (!text->empty() && text->front() == ' ') text->remove_prefix(1);
  return number;
}

Result<uint64_t> ParseQuantity(std::string_view text, std::span<const Unit> units, const std::string& cure) {
  std::string_view unit = text;
  ASSIGN_OR_RETURN(const uint64_t number, TakeNumber(&unit, cure));
  for (const Unit& each : units) {
    if (each.name != unit) continue;
    if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / each.factor) {
      return InvalidArgument(fmt::format("{} is too large; {}", Shown(text), cure));
    }
    return number * each.factor;
  }
  if (!unit.empty() && unit.front() == '.') {
    return InvalidArgument(fmt::format("{} is no whole number; take a smaller unit", Shown(text)));
  }
  return InvalidArgument(fmt::format("{} has no unit that is known; {}", Shown(text), cure));
}

}  // namespace

Result<uint64_t> ParseSize(std::string_view text) {
  const std::string cure = "give a size such as 512MiB (units KiB, MiB, GiB, TiB; without one: bytes)";
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos) {
    return ParseQuantity(std::string(text) + "B", kSizes, cure);
  }
  return ParseQuantity(text, kSizes, cure);
}

Result<int64_t> ParseDuration(std::string_view text) {
  if (text == "0") return 0;
  ASSIGN_OR_RETURN(const uint64_t us,
                   ParseQuantity(text, kDurations, "give a duration such as 30s (units us, ms, s, m, h, d)"));
  return static_cast<int64_t>(us);
}

std::string FormatSize(uint64_t bytes) {
  size_t unit = 0;
  while (unit + 1 < kSizes.size() && bytes >= kSizes[unit + 1].factor) ++unit;
  const double number = static_cast<double>(bytes) / static_cast<double>(kSizes[unit].factor);
  const bool whole = number >= 100 || number == std::floor(number);
  return fmt::format("{:.{}f} {}", number, whole ? 0 : 1, kSizes[unit].name);
}

std::string FormatDuration(int64_t us) {
  const std::string sign = us < 0 ? "-" : "";
  const uint64_t n = us < 0 ? uint64_t{0} - static_cast<uint64_t>(us) : static_cast<uint64_t>(us);
  constexpr uint64_t kSecond = 1'000'000;
  if (n == 0) return "0 s";
  if (n < 1'000) return fmt::format("{}{} µs", sign, n);
  if (n < kSecond) return fmt::format("{}{} ms", sign, n / 1'000);
  const uint64_t s = n / kSecond;
  if (s < 60) return fmt::format("{}{}.{} s", sign, s, n % kSecond / 100'000);
  if (s < 3600) return fmt::format("{}{} min {} s", sign, s / 60, s % 60);
  if (s < 86400) return fmt::format("{}{} h {} min", sign, s / 3600, s % 3600 / 60);
  return fmt::format("{}{} d {} h", sign, s / 86400, s % 86400 / 3600);
}

std::string WriteDuration(int64_t us) {
  if (us == 0) return "0s";
  size_t unit = kDurations.size() - 1;
  while (us % static_cast<int64_t>(kDurations[unit].factor) != 0) --unit;
  return fmt::format("{}{}", us / static_cast<int64_t>(kDurations[unit].factor), kDurations[unit].name);
}

}  // namespace braid
