#include "pipeline/run/pace.h"

#include <chrono>
#include <thread>

#include "pipeline/feed/wall_clock.h"

namespace braid {
namespace {

constexpr auto kPause = std::chrono::milliseconds(2);
constexpr double kMicros = 1e6;

}  // namespace

Pace::Pace(uint64_t rate_bytes) : rate_bytes_(rate_bytes), started_us_(WallClockUs()) {}

bool Pace::Await(uint64_t read_bytes, const std::function<bool()>& ends) const {
  while (true) {
    if (ends()) return false;
    if (rate_bytes_ == 0) return true;
    const double due_s = static_cast<double>(read_bytes) / static_cast<double>(rate_bytes_);
    if (static_cast<double>(WallClockUs() - started_us_) >= due_s * kMicros) return true;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace braid
