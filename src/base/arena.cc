#include "base/arena.h"

#include <algorithm>

namespace braid {

char* Arena::AllocateFromNewBlock(size_t bytes) {
  const size_t size = std::max(block_bytes_, bytes);
  blocks_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
  held_bytes_ += size;
  current_ = blocks_.back().memory.get();
  current_bytes_ = size;
  used_ = bytes;
  return current_;
}

void Arena::Reset() {
  used_ = 0;
  if (blocks_.empty()) return;
  // An oversized first block served one huge value: it is not worth keeping.
  const size_t keep = blocks_.front().bytes == block_bytes_ ? 1 : 0;
  blocks_.resize(keep);
  held_bytes_ = keep * block_bytes_;
  current_ = keep == 0 ? nullptr : blocks_.front().memory.get();
  current_bytes_ = keep * block_bytes_;
}

}  // namespace braid
