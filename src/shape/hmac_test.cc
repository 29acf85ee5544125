#include "shape/hmac.h"

#include <gtest/gtest.h>

#include <string>

#include "base/testing.h"

namespace braid::shape {
namespace {

std::string Hash(const std::string& key, const std::string& message) {
  std::string text(kHmacTextSize, '\0');
  HmacSha256(key).Text(message, text.data());
  return text;
}

// The test cases of RFC 4231.
TEST(HmacSha256, IsThatOfRfc4231) {
  EXPECT_EQ(Hash(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(Hash("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(Hash(std::string(20, '\xaa'), std::string(50, '\xdd')),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(Hash(FromHex("0102030405060708090a0b0c0d0e0f10111213141516171819"), std::string(50, '\xcd')),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  EXPECT_EQ(Hash(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(
      Hash(std::string(131, '\xaa'),
           "This is a test using a larger than block-size key and a larger than block-size data. The key needs to "
           "be hashed before being used by the HMAC algorithm."),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(HmacSha256, TakesKeysOfABlockAsTheyAre) {
  EXPECT_NE(Hash(std::string(64, 'k'), "m"), Hash(std::string(65, 'k'), "m"));
  EXPECT_EQ(Hash(std::string("k"), "m"), Hash(std::string("k\0", 2), "m")) << "shorter keys are filled with zeros";
}

}  // namespace
}  // namespace braid::shape
