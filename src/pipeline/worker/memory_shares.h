// What a worker does with the memory that it is configured to use: each number is the part of it.
#pragma once

#include <cstdint>

namespace braid {

inline constexpr uint64_t kStateShare = 2;    // the states of all shards
inline constexpr uint64_t kQueueShare = 8;    // what was fetched ahead; and as much for what is not acknowledged
inline constexpr uint64_t kHoldShare = 8;     // what waits for copies
inline constexpr uint64_t kCopiesShare = 16;  // copies to know others by
inline constexpr uint64_t kCommitShare = 32;  // what the next commit will write

}  // namespace braid
