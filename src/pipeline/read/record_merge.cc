#include "pipeline/read/record_merge.h"

#include <algorithm>

namespace braid {

size_t RecordMerge::AddSource(int64_t start, int64_t end) {
  Source source;
  source.end = end;
  source.reached = start;
  sources_.push_back(std::move(source));
  return sources_.size() - 1;
}

void RecordMerge::Take(size_t source, Record record) {
  Source& its = sources_[source];
  if (record.offset < its.reached) return;
  if (record.offset >= its.end) {
    its.reached = its.end;
    return;
  }
  its.reached = record.offset + 1;
  its.at_end = false;
  its.held_bytes += sizeof(record) + record.value.size();
  its.held.push_back(std::move(record));
}

void RecordMerge::TakeEnd(size_t source, int64_t offset) {
  Source& its = sources_[source];
  if (offset < its.reached) return;
  its.reached = std::min(offset, its.end);
  its.at_end = true;
}

std::optional<std::pair<size_t, RecordMerge::Record>> RecordMerge::Next() {
  Source* first = nullptr;
  for (Source& each : sources_) {
    if (each.held.empty()) {
      if (each.at_end || each.reached >= each.end) continue;
      return std::nullopt;
    }
    if (first == nullptr || each.held.front().time_ms < first->held.front().time_ms) first = &each;
  }
  if (first == nullptr) return std::nullopt;
  Record record = std::move(first->held.front());
  first->held.pop_front();
  first->held_bytes -= sizeof(record) + record.value.size();
  return std::pair(static_cast<size_t>(first - sources_.data()), std::move(record));
}

bool RecordMerge::is_done() const {
  return std::ranges::all_of(sources_,
                             [](const Source& each) { return each.held.empty() && each.reached >= each.end; });
}

int64_t RecordMerge::position(size_t source) const {
  const Source& its = sources_[source];
  return its.held.empty() ? its.reached : its.held.front().offset;
}

}  // namespace braid
