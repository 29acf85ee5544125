// What was true when a mutation arrived: how far the sources had been read, and the watermarks.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "base/check.h"

namespace braid {

// While mutations wait, a host commits what it would have committed just before the oldest of them arrived
// (Hold::oldest_number): then a restart reads all of them again. So it notes now and then what it would commit, before
// the arrival that gets `next_number`; the seldomer, the more is read again. What it commits while nothing waits it
// must note too, or it would go back behind that for the next arrival. Not thread-safe.
template <typename T>
class ArrivalHistory {
 public:
  explicit ArrivalHistory(T first) { notes_.emplace_back(0, std::move(first)); }

  // Numbers must not fall. A second note for one number replaces the first.
  void Note(uint64_t next_number, T value) {
    CHECK(next_number >= notes_.back().first);
    if (next_number == notes_.back().first) {
      notes_.back().second = std::move(value);
    } else {
      notes_.emplace_back(next_number, std::move(value));
    }
  }

  // The last note made before the arrival `number`. Forgets the older ones: `number` must not fall either.
  const T& AsOf(uint64_t number) {
    while (notes_.size() > 1 && notes_[1].first <= number) notes_.pop_front();
    CHECK(notes_.front().first <= number);
    return notes_.front().second;
  }
  // The last note of all: where nothing waits. Forgets the older ones.
  const T& Newest() {
    notes_.erase(notes_.begin(), notes_.end() - 1);
    return notes_.front().second;
  }

  size_t size() const { return notes_.size(); }

 private:
  std::deque<std::pair<uint64_t, T>> notes_;
};

}  // namespace braid
