// Dates and times as CQL's literals write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace braid::shape {

// "2026-11-21" to days since 1970-01-01.
std::optional<int64_t> ParseDate(std::string_view text);

// "07:40:51", or with up to nine digits of a fraction, to nanoseconds of the day.
std::optional<int64_t> ParseTimeOfDay(std::string_view text);

// A date, or a date, T or a blank, and "07:40", "07:40:51" or "07:40:51.123" (more digits are cut off), then a zone (Z,
// +0100, +01:00, +01; UTC if there is none), to milliseconds since 1970.
std::optional<int64_t> ParseTimestamp(std::string_view text);

}  // namespace braid::shape
