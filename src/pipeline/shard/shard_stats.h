// What a shard tells of itself: plain data, a moment's view.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "reconcile/reconciler.h"
#include "timeline/writer.h"

namespace braid {

// Counts of durations, by powers of two of a microsecond: bucket i counts those below 2^i µs.
struct LatencyHistogram {
  std::array<uint64_t, 40> counts{};
  uint64_t total = 0;
  uint64_t sum_us = 0;

  void Add(int64_t us);
  void Merge(const LatencyHistogram& other);
  // An upper bound of the given quantile (0 to 1), in µs; 0 if nothing was counted.
  int64_t Quantile(double q) const;
};

struct ShardStats {
  uint32_t number = 0;
  Reconciler::Stats reconcile;
  TimelineWriter::Stats timeline;
  uint64_t commits = 0;
  uint64_t queue_bytes = 0;
  uint64_t held = 0;         // mutations that wait for reorder_window or a quorum
  uint64_t unconfirmed = 0;  // changes published without a second node's word
  uint64_t state_bytes = 0;  // on disk, about
  uint64_t state_reads = 0;
  uint64_t state_cache_hits = 0;
  int64_t watermark_us = 0;
};

// How a shard's state differs from what the nodes have.
struct ComparisonStats {
  bool done = false;
  uint64_t rows = 0;  // held against each other
  uint64_t missing = 0;
  uint64_t extra = 0;
  uint64_t stale = 0;
  uint64_t different = 0;
  // So much was written meanwhile that rows which only the state has were not judged.
  bool in_motion = false;
  // Of the first few: the event that would set it right, as JSON.
  std::vector<std::string> samples;

  uint64_t differences() const { return missing + extra + stale + different; }
  void Merge(const ComparisonStats& other);
};

}  // namespace braid
