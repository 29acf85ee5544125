// The clock on the wall, which only pipelines read.
#pragma once

#include <cstdint>

namespace braid {

// In microseconds since 1970. From any thread.
int64_t WallClockUs();

}  // namespace braid
