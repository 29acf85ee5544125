// Within pipeline/run: which rows live writes have touched since a snapshot was begun, in little memory: a byte a row.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace braid {

// A set of hashes that may answer true too often: of one in forty that are not in it when it is full, of one in
// twenty-five thousand at a tenth of that. Exact sets would fill the memory, or be full before a busy table's files are
// even open. Not thread-safe.
class TouchedRows {
 public:
  // For up to so many rows. Takes no memory before the first.
  explicit TouchedRows(size_t most_rows)
      : most_rows_(most_rows), bits_(std::bit_ceil(kBitsPerRow * (most_rows + kLeastRows))) {}

  // `hash` must be a good one: all of its bits are used.
  void Add(uint64_t hash) {
    if (words_.empty()) words_.resize(bits_ / 64);
    bool is_new = false;
    ForEachBit(hash, [&](size_t bit) {
      uint64_t& word = words_[bit / 64];
      const uint64_t mask = uint64_t{1} << (bit % 64);
      is_new = is_new || (word & mask) == 0;
      word |= mask;
    });
    if (is_new) ++rows_;
  }
  bool Contains(uint64_t hash) const {
    bool all = !words_.empty();
    ForEachBit(hash, [&](size_t bit) { all = all && (words_[bit / 64] >> (bit % 64) & 1) != 0; });
    return all;
  }
  // There were more rows than it is for.
  bool overflown() const { return rows_ > most_rows_; }
  // Forgets all.
  void Clear() {
    words_ = {};
    rows_ = 0;
  }

 private:
  static constexpr size_t kBitsPerRow = 8;
  static constexpr size_t kLeastRows = 512;
  static constexpr int kBitsSet = 3;

  template <typename Visit>
  void ForEachBit(uint64_t hash, const Visit& visit) const {
    if (words_.empty()) return;
    const uint64_t step = std::rotl(hash, 32) | 1;
    for (int i = 0; i < kBitsSet; ++i) visit((hash + step * static_cast<uint64_t>(i)) & (bits_ - 1));
  }

  size_t most_rows_;
  size_t bits_;  // a power of two
  size_t rows_ = 0;
  std::vector<uint64_t> words_;
};

}  // namespace braid
