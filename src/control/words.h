// The words by which metrics, JSON and text call the same things, and what makes them fit to be shown.
#pragma once

#include <array>
#include <string>

#include "model/gap.h"
#include "pipeline/run/backfill_tasks.h"

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

constexpr const char* BackfillStateWord(BackfillTask::State state, bool running) {
  switch (state) {
    case BackfillTask::State::kWaiting:
      return running ? "running" : "waiting";
    case BackfillTask::State::kPaused:
      return "paused";
    case BackfillTask::State::kDone:
      return "done";
    case BackfillTask::State::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

constexpr const char* BackfillCauseWord(BackfillTask::Cause cause) {
  switch (cause) {
    case BackfillTask::Cause::kAsked:
      return "asked";
    case BackfillTask::Cause::kBootstrap:
      return "bootstrap";
    case BackfillTask::Cause::kGap:
      return "gap";
  }
  return "unknown";
}

// `text` without what breaks a line or plays with a terminal: control characters become "?".
inline std::string OneLine(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return text;
}

}  // namespace braid
