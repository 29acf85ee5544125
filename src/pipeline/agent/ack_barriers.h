// Within pipeline/agent: which positions of nodes' logs are acknowledged, by counting what was sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "model/position.h"

namespace braid {

// A barrier says: when the nodes' logs had been given up to these positions, so many records had been pushed to each
// partition. Once all of those are acknowledged, so are the positions.
class AckBarriers {
 public:
  using Counts = std::vector<uint64_t>;     // by partition, from the producer's first record on
  using Positions = std::vector<Position>;  // by node

  // Whether one more is of use: another would be only the last one again, or there are so many that it can wait.
  bool Wants(const Counts& pushed, const Positions& positions) const {
    if (barriers_.size() >= kMost) return false;
    return barriers_.empty() ? positions != acked_
                             : pushed != barriers_.back().pushed || positions != barriers_.back().positions;
  }
  void Add(Counts pushed, Positions positions) { barriers_.push_back({std::move(pushed), std::move(positions)}); }

  // Takes the barriers of which `is_acked(pushed)` holds, oldest first. True if there were any.
  template <typename IsAcked>
  bool Advance(IsAcked is_acked) {
    bool moved = false;
    for (; !barriers_.empty() && is_acked(barriers_.front().pushed); moved = true) {
      acked_ = std::move(barriers_.front().positions);
      barriers_.pop_front();
    }
    return moved;
  }
  // Of the last one taken.
  const Positions& acked() const { return acked_; }

  // From now on another producer counts. What was acknowledged stays so.
  void Clear() { barriers_.clear(); }

 private:
  struct Barrier {
    Counts pushed;
    Positions positions;
  };
  static constexpr size_t kMost = 1000;

  std::deque<Barrier> barriers_;
  Positions acked_;
};

}  // namespace braid
