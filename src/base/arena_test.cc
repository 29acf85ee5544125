#include "base/arena.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

namespace braid {
namespace {

TEST(Arena, GivesAlignedMemoryThatDoesNotOverlap) {
  Arena arena(256);
  std::vector<std::pair<char*, size_t>> given;
  for (size_t i = 0; i < 200; ++i) {
    const size_t size = i * 7 % 90 + 1;
    const size_t alignment = size_t{1} << (i % 5);
    char* memory = arena.Allocate(size, alignment);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % alignment, 0u);
    std::memset(memory, static_cast<int>(i), size);
    given.emplace_back(memory, size);
  }
  for (size_t i = 0; i < given.size(); ++i) {
    for (size_t k = 0; k < given[i].second; ++k) ASSERT_EQ(given[i].first[k], static_cast<char>(i));
  }
}

TEST(Arena, NewValuesAreAsTheirTypeBegins) {
  struct Thing {
    int number = 42;
  };
  Arena arena(64);
  std::memset(arena.Allocate(64, 1), 0xFF, 64);
  arena.Reset();
  EXPECT_EQ(arena.New<Thing>()->number, 42);
  for (const Thing& thing : arena.NewArray<Thing>(5)) EXPECT_EQ(thing.number, 42);
}

TEST(Arena, CopiesLiveOnTheirOwn) {
  Arena arena;
  std::string bytes = "bytes";
  std::vector<int> numbers = {1, 2, 3};
  const ByteView copied_bytes = arena.Copy(bytes);
  const std::span<int> copied_numbers = arena.CopyArray(numbers);
  bytes.assign("other");
  numbers.assign({0, 0, 0});
  EXPECT_EQ(copied_bytes, "bytes");
  EXPECT_EQ(std::vector<int>(copied_numbers.begin(), copied_numbers.end()), (std::vector<int>{1, 2, 3}));
  EXPECT_TRUE(arena.Copy("").empty());
  EXPECT_TRUE(arena.CopyArray(std::vector<int>{}).empty());
}

TEST(Arena, HasNoMemoryBeforeItIsUsed) {
  EXPECT_EQ(Arena(1000).held_bytes(), 0u);
}

TEST(Arena, ResetKeepsOneBlockForTheNextRound) {
  Arena arena(1000);
  for (int i = 0; i < 10; ++i) arena.Allocate(600, 1);
  EXPECT_EQ(arena.held_bytes(), 10'000u);
  arena.Reset();
  EXPECT_EQ(arena.held_bytes(), 1000u);
  arena.Allocate(900, 1);
  EXPECT_EQ(arena.held_bytes(), 1000u);
}

TEST(Arena, ResetGivesAHugeBlockBack) {
  Arena arena(1000);
  arena.Allocate(1 << 20, 1);
  EXPECT_EQ(arena.held_bytes(), size_t{1} << 20);
  arena.Reset();
  EXPECT_EQ(arena.held_bytes(), 0u);
  EXPECT_NE(arena.Allocate(10, 8), nullptr);
  EXPECT_EQ(arena.held_bytes(), 1000u);
}

TEST(Arena, ResetBeforeUseIsNothing) {
  Arena arena(1000);
  arena.Reset();
  EXPECT_NE(arena.Allocate(10, 8), nullptr);
}

}  // namespace
}  // namespace braid
