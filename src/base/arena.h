// A bump allocator for values that live and die together: one decoded transaction, one applied mutation.
//
// Reset() frees everything at once and keeps the first block for the next round, so that a decoder's steady state
// allocates nothing. No destructor is ever run: only trivially destructible types fit. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "base/bytes.h"

namespace braid {

class Arena {
 public:
  explicit Arena(size_t first_block_bytes = 64 * 1024) : block_bytes_(first_block_bytes) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Uninitialised memory, aligned to `alignment` (a power of two, at most 16).
  char* Allocate(size_t bytes, size_t alignment) {
    const size_t start = (used_ + alignment - 1) & ~(alignment - 1);
    if (current_ != nullptr && start + bytes <= current_bytes_) [[likely]] {
      used_ = start + bytes;
      return current_ + start;
    }
    return AllocateFromNewBlock(bytes);
  }

  template <typename T>
  T* New() {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (Allocate(sizeof(T), alignof(T))) T();
  }

  // `count` default-initialised T in a row.
  template <typename T>
  std::span<T> NewArray(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    T* first = reinterpret_cast<T*>(Allocate(sizeof(T) * count, alignof(T)));
    for (size_t i = 0; i < count; ++i) new (first + i) T();
    return {first, count};
  }

  // A copy of `items` in the arena.
  template <typename T>
  std::span<T> CopyArray(std::span<const T> items) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    if (items.empty()) return {};
    T* first = reinterpret_cast<T*>(Allocate(items.size_bytes(), alignof(T)));
    std::memcpy(static_cast<void*>(first), items.data(), items.size_bytes());
    return {first, items.size()};
  }
  template <typename T>
  std::span<T> CopyArray(const std::vector<T>& items) {
    return CopyArray(std::span<const T>(items));
  }

  ByteView Copy(ByteView bytes) {
    if (bytes.empty()) return {};
    char* to = Allocate(bytes.size(), 1);
    std::memcpy(to, bytes.data(), bytes.size());
    return {to, bytes.size()};
  }

  // Ends the life of everything allocated so far.
  void Reset();

  // Memory that the arena holds from the system, used or not.
  size_t held_bytes() const { return held_bytes_; }

 private:
  char* AllocateFromNewBlock(size_t bytes);

  struct Block {
    std::unique_ptr<char[]> memory;
    size_t bytes;
  };
  size_t block_bytes_;
  std::vector<Block> blocks_;
  char* current_ = nullptr;
  size_t current_bytes_ = 0;
  size_t used_ = 0;
  size_t held_bytes_ = 0;
};

}  // namespace braid
