#include "pipeline/run/stats.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace braid {
namespace {

// A pipeline that is further behind than this is not ready, whatever else is well.
constexpr int64_t kReadyLagUs = 120'000'000;

}  // namespace

int64_t RunStats::max_lag_us() const {
  int64_t lag = 0;
  for (const NodeStats& node : nodes) {
    if (!node.retired) lag = std::max(lag, node.lag_us);
  }
  return lag;
}

void RunStats::JudgeReady() {
  if (not_ready.empty() && !alarms.empty()) not_ready = alarms.front();
  if (not_ready.empty() && max_lag_us() > kReadyLagUs) not_ready = "it is catching up";
  ready = not_ready.empty();
}

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t pages = 0;
  uint64_t resident = 0;
  file >> pages >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace braid
