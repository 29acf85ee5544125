// A moment's view of a pipeline as Prometheus reads it. Names, units and thresholds: docs/OPERATIONS.md.
#pragma once

#include <string>

#include "pipeline/run/stats.h"

namespace braid {

// Content-Type of what RenderMetrics gives.
inline constexpr const char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// The text exposition format, 0.0.4. Pure.
std::string RenderMetrics(const RunStats& stats);

}  // namespace braid
