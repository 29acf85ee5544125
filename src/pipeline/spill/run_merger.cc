#include "pipeline/spill/run_merger.h"

#include <utility>

namespace braid::spill {

RunMerger::RunMerger(const RunFile* file, std::span<const Run> runs) {
  for (const Run& run : runs) heap_.push_back(std::make_unique<RunReader>(file, run, &packed_));
}

Result<bool> RunMerger::Next() {
  if (!begun_) {
    begun_ = true;
    TRY(Begin());
    return !heap_.empty();
  }
  if (heap_.empty()) return false;
  ASSIGN_OR_RETURN(const bool more, heap_.front()->Next());
  if (!more) {
    std::swap(heap_.front(), heap_.back());
    heap_.pop_back();
    if (heap_.empty()) return false;
  }
  SiftDown(0);
  return true;
}

Status RunMerger::Begin() {
  for (size_t i = 0; i < heap_.size();) {
    ASSIGN_OR_RETURN(const bool more, heap_[i]->Next());
    if (more) {
      ++i;
    } else {
      heap_.erase(heap_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  for (size_t i = heap_.size() / 2; i > 0; --i) SiftDown(i - 1);
  return {};
}

void RunMerger::SiftDown(size_t at) {
  for (;;) {
    size_t least = 2 * at + 1;
    if (least >= heap_.size()) return;
    if (least + 1 < heap_.size() && Less(*heap_[least + 1], *heap_[least])) ++least;
    if (!Less(*heap_[least], *heap_[at])) return;
    std::swap(heap_[least], heap_[at]);
    at = least;
  }
}

}  // namespace braid::spill
