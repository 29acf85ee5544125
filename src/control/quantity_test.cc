#include "control/quantity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace braid {
namespace {

TEST(QuantityTest, SizesAreReadWithAndWithoutUnits) {
  EXPECT_EQ(*ParseSize("0"), 0u);
  EXPECT_EQ(*ParseSize("4096"), 4096u);
  EXPECT_EQ(*ParseSize("12B"), 12u);
  EXPECT_EQ(*ParseSize("512MiB"), uint64_t{512} << 20);
  EXPECT_EQ(*ParseSize("20 GiB"), uint64_t{20} << 30);
  EXPECT_EQ(*ParseSize("8388607TiB"), uint64_t{8388607} << 40);
  for (const char* wrong : {"", " ", "MiB", "5M", "5mib", "5MiB5", "-5", "+5", "0x5", "8388608TiB", "1e3"}) {
    EXPECT_FALSE(ParseSize(wrong).has_value()) << wrong;
  }
}

TEST(QuantityTest, DurationsAreReadWithUnits) {
  EXPECT_EQ(*ParseDuration("0"), 0);
  EXPECT_EQ(*ParseDuration("0ms"), 0);
  EXPECT_EQ(*ParseDuration("7us"), 7);
  EXPECT_EQ(*ParseDuration("3s"), 3'000'000);
  EXPECT_EQ(*ParseDuration("2m"), 120'000'000);
  EXPECT_EQ(*ParseDuration("12h"), int64_t{12} * 3600 * 1'000'000);
  EXPECT_EQ(*ParseDuration("7d"), int64_t{7} * 86400 * 1'000'000);
  for (const char* wrong : {"", "s", "5", "1.5s", "5 parsecs", "-1s", "99999999999999d", "300000000d"}) {
    EXPECT_FALSE(ParseDuration(wrong).has_value()) << wrong;
  }
}

TEST(QuantityTest, WhatIsShownIsShort) {
  EXPECT_EQ(FormatSize(0), "0 B");
  EXPECT_EQ(FormatSize(1023), "1023 B");
  EXPECT_EQ(FormatSize(1536), "1.5 KiB");
  EXPECT_EQ(FormatSize(uint64_t{20} << 30), "20 GiB");
  EXPECT_EQ(FormatSize(std::numeric_limits<uint64_t>::max()), "16777216 TiB");
  EXPECT_EQ(FormatDuration(0), "0 s");
  EXPECT_EQ(FormatDuration(350), "350 µs");
  EXPECT_EQ(FormatDuration(12'345), "12 ms");
  EXPECT_EQ(FormatDuration(3'290'000), "3.2 s");
  EXPECT_EQ(FormatDuration(-3'290'000), "-3.2 s");
  EXPECT_EQ(FormatDuration(320'000'000), "5 min 20 s");
  EXPECT_EQ(FormatDuration(int64_t{171} * 3600 * 1'000'000), "7 d 3 h");
  EXPECT_EQ(FormatDuration(std::numeric_limits<int64_t>::min()).front(), '-');
}

TEST(QuantityTest, WhatIsWrittenIsReadAgain) {
  EXPECT_EQ(WriteDuration(0), "0s");
  EXPECT_EQ(WriteDuration(1'000'000), "1s");
  EXPECT_EQ(WriteDuration(int64_t{90} * 60 * 1'000'000), "90m");
  EXPECT_EQ(WriteDuration(int64_t{36500} * 86400 * 1'000'000), "36500d");
  for (const int64_t us :
       {int64_t{1}, int64_t{1001}, int64_t{2'000}, int64_t{3'600'000'000}, int64_t{86'401'000'000}}) {
    EXPECT_EQ(*ParseDuration(WriteDuration(us)), us);
  }
}

}  // namespace
}  // namespace braid
