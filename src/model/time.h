// Points in time, one type for each unit, so that they cannot be mixed up.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace braid {

// The time of a write: microseconds since 1970, as the writer claims. Any value is legal, also a negative one.
struct WriteTime {
  int64_t us = std::numeric_limits<int64_t>::min();

  // "Never": older than every write. Cassandra's mark for "no deletion" and "no liveness".
  static constexpr WriteTime None() { return {}; }
  bool none() const { return us == std::numeric_limits<int64_t>::min(); }
  auto operator<=>(const WriteTime&) const = default;
};

// A second since 1970: when something expires, or when (by the coordinator's clock) it was deleted.
struct UnixSeconds {
  int64_t s = std::numeric_limits<int64_t>::max();

  // "Never": later than every second.
  static constexpr UnixSeconds Never() { return {}; }
  bool never() const { return s == std::numeric_limits<int64_t>::max(); }
  auto operator<=>(const UnixSeconds&) const = default;
};

}  // namespace braid
