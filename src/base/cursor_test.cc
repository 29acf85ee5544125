#include "base/cursor.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace braid {
namespace {

// Bytes that end where the allocation ends, so that a sanitizer sees a read beyond them.
class Exact {
 public:
  explicit Exact(const std::string& bytes) : bytes_(bytes.begin(), bytes.end()) { bytes_.shrink_to_fit(); }
  ByteView view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

// A number whose form takes `bytes` bytes, all of which matter.
uint64_t NumberOfSize(int bytes) {
  constexpr uint64_t kPattern = 0xA1B2C3D4E5F60718u;
  return bytes == 9 ? kPattern : (kPattern >> (64 - 7 * bytes)) | (1ull << (7 * bytes - 1));
}

TEST(Cursor, ReadsVintsOfEverySizeAtEveryDistanceFromTheEnd) {
  for (int size = 1; size <= 9; ++size) {
    const uint64_t value = NumberOfSize(size);
    for (size_t before = 0; before < 3; ++before) {
      for (size_t after = 0; after < 12; ++after) {
        std::string bytes(before, '\x11');
        AppendVint(&bytes, value);
        ASSERT_EQ(bytes.size(), before + static_cast<size_t>(size));
        bytes.append(after, '\xEE');
        const Exact exact(bytes);
        Cursor cursor(exact.view());
        cursor.Skip(before);
        EXPECT_EQ(cursor.Vint(), value) << size << " bytes, " << after << " after";
        EXPECT_TRUE(cursor.ok());
        EXPECT_EQ(cursor.remaining(), after);
      }
    }
  }
}

TEST(Cursor, AVintThatIsCutFailsWhereItBegan) {
  for (int size = 1; size <= 9; ++size) {
    std::string whole;
    AppendVint(&whole, NumberOfSize(size));
    for (size_t cut = 0; cut < whole.size(); ++cut) {
      const Exact exact("xy" + whole.substr(0, cut));
      Cursor cursor(exact.view());
      cursor.Skip(2);
      EXPECT_EQ(cursor.Vint(), 0u);
      EXPECT_FALSE(cursor.ok());
      EXPECT_EQ(cursor.failed_offset(), 2u);
      EXPECT_STREQ(cursor.reason(), "the bytes end too early");
    }
  }
}

TEST(Cursor, ReadsLongSpellingsOfSmallNumbers) {
  const std::string bytes("\xFF\x00\x00\x00\x00\x00\x00\x00\x05\x80\x05", 11);
  Cursor cursor(bytes);
  EXPECT_EQ(cursor.Vint(), 5u);
  EXPECT_EQ(cursor.Vint(), 5u);
  EXPECT_TRUE(cursor.AtEnd());
}

TEST(Cursor, ReadsFixedNumbersBigEndian) {
  const Exact exact(std::string("\x01\x01\x02\xFF\xFE\x01\x02\x03\x04\xFF\xFF\xFF\xFD", 13) +
                    std::string("\x01\x02\x03\x04\x05\x06\x07\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFC", 16));
  Cursor cursor(exact.view());
  EXPECT_EQ(cursor.U8(), 1);
  EXPECT_EQ(cursor.U16(), 0x0102);
  EXPECT_EQ(cursor.I16(), -2);
  EXPECT_EQ(cursor.U32(), 0x01020304u);
  EXPECT_EQ(cursor.I32(), -3);
  EXPECT_EQ(cursor.U64(), 0x0102030405060708u);
  EXPECT_EQ(cursor.I64(), -4);
  EXPECT_TRUE(cursor.ok() && cursor.AtEnd());
}

TEST(Cursor, AFixedNumberThatIsCutFails) {
  const Exact exact(std::string(7, '\x01'));
  Cursor cursor(exact.view());
  EXPECT_EQ(cursor.U64(), 0u);
  EXPECT_FALSE(cursor.ok());
  EXPECT_EQ(cursor.failed_offset(), 0u);
}

TEST(Cursor, BytesAreViewsOfTheInput) {
  const std::string bytes = "abcdef";
  Cursor cursor(bytes);
  const ByteView first = cursor.Bytes(4);
  EXPECT_EQ(first, "abcd");
  EXPECT_EQ(first.data(), bytes.data());
  EXPECT_EQ(cursor.Bytes(0), "");
  EXPECT_EQ(cursor.Bytes(2), "ef");
  EXPECT_TRUE(cursor.ok() && cursor.AtEnd());
}

TEST(Cursor, NoLengthLeavesTheInput) {
  for (const uint64_t size : {uint64_t{4}, uint64_t{1} << 32, std::numeric_limits<uint64_t>::max()}) {
    Cursor cursor("abc");
    EXPECT_EQ(cursor.Bytes(size), "");
    EXPECT_FALSE(cursor.ok());
    std::string prefixed;
    AppendVint(&prefixed, size);
    prefixed += "abc";
    Cursor lengthy(prefixed);
    EXPECT_EQ(lengthy.VintBytes(), "");
    EXPECT_FALSE(lengthy.ok());
  }
}

TEST(Cursor, TheFirstFailureIsKept) {
  Cursor cursor("abcdef");
  cursor.Skip(2);
  cursor.Fail("first");
  cursor.Fail("second");
  EXPECT_EQ(cursor.U8(), 0);
  EXPECT_EQ(cursor.Vint(), 0u);
  EXPECT_EQ(cursor.U32(), 0u);
  EXPECT_EQ(cursor.Bytes(1), "");
  EXPECT_FALSE(cursor.ok());
  EXPECT_EQ(cursor.failed_offset(), 2u);
  EXPECT_STREQ(cursor.reason(), "first");
}

TEST(Cursor, OfNothingIsAtItsEnd) {
  Cursor cursor(ByteView{});
  EXPECT_TRUE(cursor.ok() && cursor.AtEnd());
  EXPECT_EQ(cursor.Vint(), 0u);
  EXPECT_FALSE(cursor.ok());
  EXPECT_EQ(cursor.failed_offset(), 0u);
}

}  // namespace
}  // namespace braid
