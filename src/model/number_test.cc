#include "model/number.h"

#include <gtest/gtest.h>

#include "base/testing.h"

namespace braid {
namespace {

std::string Digits(std::string_view hex) {
  std::string digits;
  AppendDecimalDigits(FromHex(hex), &digits);
  return digits;
}

TEST(NumberTest, TrimsWhatOnlyRepeatsTheSign) {
  EXPECT_EQ(TrimVarint(FromHex("00000005")), FromHex("05"));
  EXPECT_EQ(TrimVarint(FromHex("000080")), FromHex("0080"));
  EXPECT_EQ(TrimVarint(FromHex("ffff7f")), FromHex("ff7f"));
  EXPECT_EQ(TrimVarint(FromHex("ffff80")), FromHex("80"));
  EXPECT_EQ(TrimVarint(FromHex("0000")), FromHex("00"));
}

TEST(NumberTest, PrintsMagnitudes) {
  EXPECT_EQ(Digits("00"), "0");
  EXPECT_EQ(Digits("ff"), "1");
  EXPECT_EQ(Digits("80"), "128");
  EXPECT_EQ(Digits("8000000000000000"), "9223372036854775808");
  EXPECT_EQ(Digits("00ffffffffffffffff"), "18446744073709551615");
  // Groups of zeros between others: 10^27 + 1.
  EXPECT_EQ(Digits("033b2e3c9fd0803ce8000001"), "1000000000000000000000000001");
  EXPECT_EQ(Digits("fcc4d1c3602f7fc317ffffff"), "1000000000000000000000000001");
}

TEST(NumberTest, ADecimalIsNormalWhateverItsScale) {
  const auto one = Normalize(FromHex("0000000001"));
  const auto same = Normalize(FromHex("0000000264"));
  ASSERT_TRUE(one && same);
  EXPECT_EQ(one->sign, 1);
  EXPECT_EQ(one->exponent, 1);
  EXPECT_EQ(one->digits, "1");
  EXPECT_EQ(same->exponent, one->exponent);
  EXPECT_EQ(same->digits, one->digits);
}

TEST(NumberTest, AZeroIsZeroWhateverItsScale) {
  const auto zero = Normalize(FromHex("7fffffff00"));
  ASSERT_TRUE(zero);
  EXPECT_EQ(zero->sign, 0);
  EXPECT_EQ(zero->exponent, 0);
  EXPECT_EQ(zero->digits, "");
}

TEST(NumberTest, AScaleAloneIsNoNumber) {
  EXPECT_FALSE(Normalize(FromHex("00000000")));
  EXPECT_FALSE(Normalize(FromHex("0000")));
  EXPECT_TRUE(Normalize(std::string(4 + kMaxDecimalDigitsBytes, 'x')));
  EXPECT_FALSE(Normalize(std::string(5 + kMaxDecimalDigitsBytes, 'x')));
}

}  // namespace
}  // namespace braid
