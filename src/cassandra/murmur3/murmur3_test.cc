#include "cassandra/murmur3/murmur3.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/testing.h"

namespace braid {
namespace {

TEST(Murmur3TokenTest, AgreesWithCassandra) {
  for (const auto& line : ReadTabLines(CassandraValuesPath(__FILE__, 2), "token")) {
    EXPECT_EQ(Murmur3Token(FromHex(line[1])).value, std::stoll(line[2])) << line[1];
  }
}

// Known from Cassandra's Python driver; the tails have bytes of 0x80 and more.
TEST(Murmur3TokenTest, AgreesWithTheDriver) {
  EXPECT_EQ(Murmur3Token("123").value, -7468325962851647638);
  EXPECT_EQ(Murmur3Token("9223372036854775807").value, 7162290910810015547);
  EXPECT_EQ(Murmur3Token(std::string(8, '\x10')).value, 1446172840243228796);
  EXPECT_EQ(Murmur3Token(std::string(8, '\xfe')).value, -8927430733708461935);
  std::string key;
  for (int i = 0; i < 10; ++i) key += FromHex("00ff10fa99");
  EXPECT_EQ(Murmur3Token(key).value, 5837342703291459765);
}

TEST(Murmur3TokenTest, TheEmptyKeyHasTheLeastToken) {
  EXPECT_EQ(Murmur3Token("").value, std::numeric_limits<int64_t>::min());
}

}  // namespace
}  // namespace braid
