// How records lie in the store. Layout: docs/formats/state.md.
#pragma once

#include <cstddef>

namespace braid {

// The first byte of a key in the store.
inline constexpr char kMarkKey = 0;
inline constexpr char kRecordKey = 1;
inline constexpr char kTimerKey = 2;

// Of a timer's second.
inline constexpr size_t kDueBytes = 8;

}  // namespace braid
