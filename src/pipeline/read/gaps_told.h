// Within pipeline/read: every shard tells of each gap, and a reader hears of it once.
#pragma once

#include <cstdint>
#include <map>

namespace braid {

class GapsTold {
 public:
  // Whether this is news of the gap. That it was opened is none once its end was told.
  bool IsNews(uint64_t id, bool open) {
    const auto [known, fresh] = is_open_.emplace(id, open);
    if (fresh) return true;
    if (open || !known->second) return false;
    known->second = false;
    return true;
  }

 private:
  std::map<uint64_t, bool> is_open_;
};

}  // namespace braid
