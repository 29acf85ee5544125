#include "pipeline/run/stats.h"

#include <algorithm>

namespace braid {

int64_t RunStats::max_lag_us() const {
  int64_t lag = 0;
  for (const NodeStats& node : nodes) {
    if (!node.retired) lag = std::max(lag, node.lag_us);
  }
  return lag;
}

}  // namespace braid
