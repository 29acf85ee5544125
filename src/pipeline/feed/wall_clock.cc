#include "pipeline/feed/wall_clock.h"

#include <chrono>

namespace braid {

int64_t WallClockUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace braid
