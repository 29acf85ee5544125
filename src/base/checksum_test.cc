#include "base/checksum.h"

#include <gtest/gtest.h>

#include <string>

namespace braid {
namespace {

// The check value that the catalogues of CRCs give for CRC-32/ISO-HDLC.
TEST(Checksum, Crc32OfItsCheckString) {
  EXPECT_EQ(Crc32(0, "123456789"), 0xCBF43926u);
  EXPECT_EQ(Crc32(0, ""), 0u);
  EXPECT_EQ(Crc32(0, "The quick brown fox jumps over the lazy dog"), 0x414FA339u);
}

TEST(Checksum, Crc32IsContinued) {
  EXPECT_EQ(Crc32(Crc32(0, "12345"), "6789"), 0xCBF43926u);
}

TEST(Checksum, AnIntegerIsFedBigEndian) {
  EXPECT_EQ(Crc32OfInt(0, 0x31323334), Crc32(0, "1234"));
  EXPECT_EQ(Crc32OfInt(Crc32(0, "ab"), 7), Crc32(0, std::string("ab\0\0\0\x07", 6)));
}

// The library's own values: ids of definitions stand in logs, so they must never change.
TEST(Checksum, Hash64IsXxh3) {
  EXPECT_EQ(Hash64(""), 0x2D06800538D394C2u);
  EXPECT_NE(Hash64("a"), Hash64("b"));
  EXPECT_NE(Hash64("a", 1), Hash64("a", 2));
}

TEST(ChecksumTest, Crc32cIsCastagnolis) {
  // RFC 3720, appendix B.4.
  EXPECT_EQ(Crc32c(0, std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(0, std::string(32, '\xFF')), 0x62A8AB43u);
  EXPECT_EQ(Crc32c(0, "123456789"), 0xE3069283u);
  EXPECT_EQ(Crc32c(Crc32c(0, "1234"), "56789"), 0xE3069283u);
  EXPECT_EQ(Crc32c(0, ""), 0u);
}

TEST(SecretHash, DependsOnTheSecretAndOnAllBytes) {
  const SecretHash one("0123456789abcdef");
  const SecretHash same("0123456789abcdef");
  const SecretHash other("0123456789abcdeg");
  for (const size_t size : {0, 1, 5, 12, 100, 200, 1000}) {
    std::string bytes(size, 'x');
    EXPECT_EQ(one(bytes), same(bytes));
    EXPECT_NE(one(bytes).high, other(bytes).high);
    EXPECT_NE(one(bytes).low, other(bytes).low);
    if (size == 0) continue;
    const SecretHash::Value before = one(bytes);
    bytes.back() = 'y';
    EXPECT_NE(one(bytes).high, before.high);
    EXPECT_NE(one(bytes).low, before.low);
  }
}

}  // namespace
}  // namespace braid
