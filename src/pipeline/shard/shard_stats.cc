#include "pipeline/shard/shard_stats.h"

#include <algorithm>
#include <bit>

namespace braid {

void LatencyHistogram::Add(int64_t us) {
  const uint64_t length = us < 0 ? 0 : static_cast<uint64_t>(us);
  const auto bucket = std::min<size_t>(static_cast<size_t>(std::bit_width(length)), counts.size() - 1);
  ++counts[bucket];
  ++total;
  sum_us += length;
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  total += other.total;
  sum_us += other.sum_us;
}

int64_t LatencyHistogram::Quantile(double q) const {
  const double wanted = q * static_cast<double>(total);
  uint64_t seen = 0;
  for (size_t i = 0; i < counts.size() && total > 0; ++i) {
    seen += counts[i];
    if (seen > 0 && static_cast<double>(seen) >= wanted) return int64_t{1} << i;
  }
  return 0;
}

void ComparisonStats::Merge(const ComparisonStats& other) {
  done = done && other.done;
  rows += other.rows;
  missing += other.missing;
  extra += other.extra;
  stale += other.stale;
  different += other.different;
  in_motion = in_motion || other.in_motion;
  samples.insert(samples.end(), other.samples.begin(), other.samples.end());
}

}  // namespace braid
