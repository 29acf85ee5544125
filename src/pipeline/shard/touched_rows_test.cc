#include "pipeline/shard/touched_rows.h"

#include <gtest/gtest.h>

#include <string>

#include "base/checksum.h"

namespace braid {
namespace {

constexpr size_t kMost = 1'000'000;

uint64_t HashOf(size_t number) {
  return Hash64(std::to_string(number));
}

// Of rows that are not in it, those that it takes for touched.
size_t CountWrong(const TouchedRows& touched) {
  size_t wrong = 0;
  for (size_t i = 0; i < 100'000; ++i) wrong += touched.Contains(HashOf(2 * kMost + i)) ? 1 : 0;
  return wrong;
}

TEST(TouchedRowsTest, ForgetsNoneAndRarelyTakesOneForAnother) {
  TouchedRows touched(kMost);
  EXPECT_EQ(CountWrong(touched), 0u);
  for (size_t i = 0; i < kMost / 10; ++i) touched.Add(HashOf(i));
  EXPECT_LT(CountWrong(touched), 20u);
  for (size_t i = 0; i < kMost; ++i) touched.Add(HashOf(i));
  EXPECT_LT(CountWrong(touched), 3'000u);
  EXPECT_FALSE(touched.overflown());
  for (size_t i = 0; i < kMost; ++i) ASSERT_TRUE(touched.Contains(HashOf(i))) << i;
}

TEST(TouchedRowsTest, SaysWhenThereWereTooMany) {
  TouchedRows touched(2);
  for (int i = 0; i < 5; ++i) touched.Add(HashOf(1));
  touched.Add(HashOf(2));
  EXPECT_FALSE(touched.overflown());
  touched.Add(HashOf(3));
  EXPECT_TRUE(touched.overflown());
  touched.Clear();
  EXPECT_FALSE(touched.overflown());
  EXPECT_FALSE(touched.Contains(HashOf(1)));
}

}  // namespace
}  // namespace braid
