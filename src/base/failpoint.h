// Named places at which a test can have the process killed, as a crash would.
//
// A process whose environment has BRAID_FAILPOINT=NAME or NAME:NTH kills itself with SIGKILL when it comes to
// Failpoint(NAME) for the first or the NTH time; NTH counts from 1. Without the variable a failpoint costs one load.
// The environment is looked at once, when the program starts. Thread-safe. Whoever calls one names it in the room's
// README.md.
#pragma once

#include <atomic>

namespace braid {

namespace internal {
extern std::atomic<bool> failpoints_armed;
void ReachFailpoint(const char* name);
}  // namespace internal

// `name` is "room.place"; no two places share one.
inline void Failpoint(const char* name) {
  if (internal::failpoints_armed.load(std::memory_order_relaxed)) [[unlikely]]
    internal::ReachFailpoint(name);
}

}  // namespace braid
