// Within pipeline/read: every shard tells of each gap, and heals by itself; a reader hears of it once.
#pragma once

#include <cstdint>
#include <map>
#include <set>

namespace braid {

class GapsTold {
 public:
  // Whether what a shard says is news of the gap: the first word that it was opened, and the word by which no shard is
  // left that was heard to have it open. That it was opened is none once its end was told; but then its end in that
  // shard is news again.
  bool IsNews(uint64_t id, uint32_t shard, bool open) {
    Gap& gap = gaps_[id];
    if (open) {
      if (gap.closed_in.contains(shard)) return false;
      gap.open_in.insert(shard);
      const bool first = !gap.told;
      gap.told = true;
      gap.told_closed = false;
      return first;
    }
    gap.open_in.erase(shard);
    gap.closed_in.insert(shard);
    gap.told = true;
    if (!gap.open_in.empty() || gap.told_closed) return false;
    gap.told_closed = true;
    return true;
  }

 private:
  struct Gap {
    std::set<uint32_t> open_in;
    std::set<uint32_t> closed_in;
    bool told = false;
    bool told_closed = false;
  };
  std::map<uint64_t, Gap> gaps_;
};

}  // namespace braid
