// Sizes and durations as people write and read them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace braid {

// "512MiB", "20GiB", "4096" (bytes); units B, KiB, MiB, GiB, TiB. kInvalidArgument says what is wrong and what would be
// right, without the place.
Result<uint64_t> ParseSize(std::string_view text);

// "0ms", "3s", "12h", "7d"; units us, ms, s, m (minutes), h, d; a 0 needs none. In microseconds. Errors as ParseSize.
Result<int64_t> ParseDuration(std::string_view text);

// "0 B", "1.5 KiB", "20 GiB": to three digits or so.
std::string FormatSize(uint64_t bytes);

// "0 s", "350 µs", "12 ms", "3.2 s", "5 min 20 s", "7 d 3 h". A minus before negative ones.
std::string FormatDuration(int64_t us);

// "0s", "90m", "7d": exactly, in the largest unit in which it is whole, and so that ParseDuration takes it. `us` is not
// negative.
std::string WriteDuration(int64_t us);

}  // namespace braid
