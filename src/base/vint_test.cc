#include "base/vint.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <string>

#include "base/cursor.h"

namespace braid {
namespace {

std::string Vint(uint64_t value) {
  std::string bytes;
  AppendVint(&bytes, value);
  return bytes;
}

std::string SignedVint(int64_t value) {
  std::string bytes;
  AppendSignedVint(&bytes, value);
  return bytes;
}

// As Cassandra's VIntCoding writes them.
TEST(Vint, KnownForms) {
  EXPECT_EQ(Vint(0), std::string("\x00", 1));
  EXPECT_EQ(Vint(127), "\x7F");
  EXPECT_EQ(Vint(128), "\x80\x80");
  EXPECT_EQ(Vint(256), std::string("\x81\x00", 2));
  EXPECT_EQ(Vint(16383), "\xBF\xFF");
  EXPECT_EQ(Vint(16384), std::string("\xC0\x40\x00", 3));
  EXPECT_EQ(Vint((1ull << 56) - 1), "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
  EXPECT_EQ(Vint(1ull << 56), std::string("\xFF\x01\x00\x00\x00\x00\x00\x00\x00", 9));
  EXPECT_EQ(Vint(std::numeric_limits<uint64_t>::max()), std::string(9, '\xFF'));
  EXPECT_EQ(SignedVint(0), std::string("\x00", 1));
  EXPECT_EQ(SignedVint(-1), "\x01");
  EXPECT_EQ(SignedVint(1), "\x02");
  EXPECT_EQ(SignedVint(std::numeric_limits<int64_t>::min()), std::string(9, '\xFF'));
}

TEST(Vint, EachSizeBeginsWhereTheOneBeforeEnds) {
  for (int bytes = 1; bytes < 9; ++bytes) {
    const uint64_t most = bytes == 8 ? (1ull << 56) - 1 : (1ull << (7 * bytes)) - 1;
    EXPECT_EQ(VintSize(most), bytes);
    EXPECT_EQ(VintSize(most + 1), bytes + 1);
  }
  EXPECT_EQ(VintSize(0), 1);
  EXPECT_EQ(VintSize(std::numeric_limits<uint64_t>::max()), 9);
}

RC_GTEST_PROP(Vint, EveryNumberComesBack, (uint64_t any)) {
  // Numbers of every length, not only long ones.
  const uint64_t value = any >> *rc::gen::inRange(0, 64);
  const std::string bytes = Vint(value);
  RC_ASSERT(bytes.size() == static_cast<size_t>(VintSize(value)));
  Cursor cursor(bytes);
  RC_ASSERT(cursor.Vint() == value);
  RC_ASSERT(cursor.ok() && cursor.AtEnd());
}

RC_GTEST_PROP(Vint, EverySignedNumberComesBack, (uint64_t any)) {
  const auto value = static_cast<int64_t>(any) >> *rc::gen::inRange(0, 64);
  const std::string bytes = SignedVint(value);
  Cursor cursor(bytes);
  RC_ASSERT(cursor.SignedVint() == value);
  RC_ASSERT(UnZigZag(ZigZag(value)) == value);
}

}  // namespace
}  // namespace braid
