#include "shape/time_text.h"

#include <gtest/gtest.h>

namespace braid::shape {
namespace {

TEST(TimeText, Dates) {
  EXPECT_EQ(ParseDate("1970-01-01"), 0);
  EXPECT_EQ(ParseDate("1969-12-31"), -1);
  EXPECT_EQ(ParseDate("2026-11-21"), 20778);
  EXPECT_EQ(ParseDate("2024-02-29"), 19782);
  for (const char* wrong : {"", "2023-02-29", "2026-13-01", "2026-00-01", "2026-1-1", "26-01-01", "2026-01-01 ",
                            "2026-01-32", "2026/01/01", "2026-01", "x026-01-01"}) {
    EXPECT_EQ(ParseDate(wrong), std::nullopt) << wrong;
  }
}

TEST(TimeText, TimesOfDay) {
  EXPECT_EQ(ParseTimeOfDay("00:00:00"), 0);
  EXPECT_EQ(ParseTimeOfDay("23:59:59.999999999"), 86'399'999'999'999);
  EXPECT_EQ(ParseTimeOfDay("01:02:03.5"), 3'723'500'000'000);
  for (const char* wrong :
       {"", "24:00:00", "00:60:00", "00:00:60", "00:00", "00:00:00.", "00:00:00.1234567890", "1:00:00"}) {
    EXPECT_EQ(ParseTimeOfDay(wrong), std::nullopt) << wrong;
  }
}

TEST(TimeText, Timestamps) {
  EXPECT_EQ(ParseTimestamp("1970-01-01"), 0);
  EXPECT_EQ(ParseTimestamp("1970-01-02 00:00"), 86'400'000);
  EXPECT_EQ(ParseTimestamp("1970-01-01T00:00:01.5Z"), 1'500);
  EXPECT_EQ(ParseTimestamp("1970-01-01 00:00:00.123456"), 123);
  EXPECT_EQ(ParseTimestamp("1970-01-01 01:00:00+01:00"), 0);
  EXPECT_EQ(ParseTimestamp("1970-01-01 01:00:00+0100"), 0);
  EXPECT_EQ(ParseTimestamp("1970-01-01 01:00:00+01"), 0);
  EXPECT_EQ(ParseTimestamp("1970-01-01 00:00-0130"), 5'400'000);
  EXPECT_EQ(ParseTimestamp("1970-01-01+0100"), -3'600'000);
  for (const char* wrong : {"", "1970-01-01 ", "1970-01-01 00", "1970-01-01 00:00:00Zulu", "1970-01-01 00:00:00 +0100",
                            "1970-01-01 00:00+1", "1970-01-01 00:00+01:", "1970-01-01 00:00+1960", "1970-01-01x"}) {
    EXPECT_EQ(ParseTimestamp(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace braid::shape
