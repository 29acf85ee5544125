// The words by which metrics, JSON and text call the same things.
#pragma once

#include <array>

#include "model/gap.h"

namespace braid {

inline constexpr auto kGapReasons =
    std::to_array<GapReason>({GapReason::kCorrupt, GapReason::kLostSegment, GapReason::kOverflow,
                              GapReason::kUnknownSchema, GapReason::kNotLogged, GapReason::kRetired});

// "corrupt", "lost_segment" …; static lifetime.
constexpr const char* GapReasonWord(GapReason reason) {
  switch (reason) {
    case GapReason::kCorrupt:
      return "corrupt";
    case GapReason::kLostSegment:
      return "lost_segment";
    case GapReason::kOverflow:
      return "overflow";
    case GapReason::kUnknownSchema:
      return "unknown_schema";
    case GapReason::kNotLogged:
      return "not_logged";
    case GapReason::kRetired:
      return "retired";
  }
  return "unknown";
}

}  // namespace braid
