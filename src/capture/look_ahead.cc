#include "capture/look_ahead.h"

#include <algorithm>
#include <utility>

namespace braid {

namespace {

// What one look reads at most.
constexpr uint64_t kMaxBytes = 16 << 20;
// Moments kept while the log is not given up to the first of them.
constexpr size_t kMaxMoments = 4096;
// An entry that no marker covers stands behind the place of the marker at the least.
constexpr uint64_t kMarkerBytes = 8;

}  // namespace

void MappingEvidence::SawEnd(SegmentId segment, uint64_t covered_end, uint64_t position, bool quiet) {
  if (segment != segment_ || covered_end != covered_end_) {
    segment_ = segment;
    covered_end_ = covered_end;
    position_ = 0;
    counted_ = false;
  }
  if (counted_ || !quiet || position <= covered_end + kMarkerBytes) return;
  if (position_ != 0 && position > position_) {
    ++seen_;
    counted_ = true;
  }
  position_ = position;
}

void LookAhead::Look(SegmentFile* segment, uint64_t given, bool clear, int64_t now_us) {
  if (reader_ == nullptr || segment_ != segment->id()) {
    reader_.reset();
    moments_.clear();
    segment_ = segment->id();
    last_end_ = harmless_end_ = given;
    harmless_ = true;
    Result<SegmentReader> opened = SegmentReader::Open(*segment->source(), {.start = given, .live = true});
    if (!opened) return;
    reader_ = std::make_unique<SegmentReader>(*std::move(opened));
  } else if (!reader_->Refresh()) {
    return;
  }
  if (!ReadNew()) return;
  const Result<bool> quiet = reader_->QuietBehind();
  if (!quiet || !*quiet) return;
  evidence_->SawEnd(segment_, reader_->covered_end(), reader_->position(), *quiet);
  if (!clear) return;
  if (!moments_.empty() && moments_.back().end == last_end_) {
    moments_.back().time_us = now_us;
  } else if (moments_.size() < kMaxMoments) {
    moments_.push_back({last_end_, now_us});
  }
}

// Whether the end of what is there was reached.
bool LookAhead::ReadNew() {
  const uint64_t stop = reader_->position() + kMaxBytes;
  while (reader_->position() < stop) {
    const Result<SegmentReader::Answer> answer = reader_->Next();
    // What is damaged is the concern of who gives the log.
    if (!answer || *answer == SegmentReader::Answer::kCorrupt) return false;
    if (*answer != SegmentReader::Answer::kEntry) return true;
    if (may_matter_(reader_->payload())) {
      last_end_ = reader_->end_offset();
      harmless_ = false;
    }
    if (harmless_) harmless_end_ = reader_->end_offset();
  }
  return false;
}

uint64_t LookAhead::HarmlessEnd(SegmentId segment) const {
  if (reader_ == nullptr || segment_ != segment) return 0;
  return std::min(harmless_end_, reader_->covered_end());
}

std::optional<int64_t> LookAhead::GivenUpTo(SegmentId segment, uint64_t given) {
  std::optional<int64_t> time;
  while (!moments_.empty() && (segment_ < segment || moments_.front().end <= given)) {
    time = moments_.front().time_us;
    moments_.pop_front();
  }
  return time;
}

}  // namespace braid
