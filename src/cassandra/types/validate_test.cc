// What Cassandra lets in is checked in cassandra_values_test.cc; here is what those values do not hold.
#include "cassandra/types/validate.h"

#include <gtest/gtest.h>

#include "base/testing.h"

namespace braid {
namespace {

bool Valid(TypeKind kind, std::string_view hex) {
  return ValidateValue(*SimpleType(kind), FromHex(hex)).has_value();
}

TEST(ValidateValueTest, Durations) {
  EXPECT_TRUE(Valid(TypeKind::kDuration, "020406"));
  EXPECT_TRUE(Valid(TypeKind::kDuration, "010305"));
  EXPECT_FALSE(Valid(TypeKind::kDuration, "0203"));
  EXPECT_FALSE(Valid(TypeKind::kDuration, "020306"));
  EXPECT_FALSE(Valid(TypeKind::kDuration, "f1000000000000"));
  EXPECT_FALSE(Valid(TypeKind::kDuration, "-"));
}

TEST(ValidateValueTest, TheNullOfModifiedUtf8IsText) {
  EXPECT_TRUE(Valid(TypeKind::kText, "c080"));
  EXPECT_FALSE(Valid(TypeKind::kText, "c081"));
  EXPECT_FALSE(Valid(TypeKind::kText, "61c3"));
  EXPECT_FALSE(Valid(TypeKind::kAscii, "c3a9"));
}

TEST(ValidateValueTest, SaysWhatIsWrong) {
  const Status status = ValidateValue(*ListOf(SimpleType(TypeKind::kInt), true), FromHex("00000001"
                                                                                         "0000000201ff"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(status.error().message, "not a value of int: 2 bytes instead of 4");
}

TEST(ValidateValueTest, EmptyCollectionsHaveACount) {
  const TypePtr list = ListOf(SimpleType(TypeKind::kInt), true);
  EXPECT_FALSE(ValidateValue(*list, ""));
  EXPECT_TRUE(ValidateValue(*list, FromHex("00000000")));
}

}  // namespace
}  // namespace braid
