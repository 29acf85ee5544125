// The order against Cassandra's own is checked in cassandra/types/cassandra_values_test.cc.
#include "model/value_order.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/testing.h"
#include "model/testing.h"

namespace braid {
namespace {

int Order(const Type& type, std::string_view a, std::string_view b) {
  const int order = CompareValues(type, FromHex(a), FromHex(b));
  return order < 0 ? -1 : (order > 0 ? 1 : 0);
}

TEST(CompareValuesTest, EmptySortsFirst) {
  EXPECT_EQ(Order(*SimpleType(TypeKind::kInt), "-", "80000000"), -1);
  EXPECT_EQ(Order(*SimpleType(TypeKind::kInt), "-", "-"), 0);
  EXPECT_EQ(Order(*SimpleType(TypeKind::kVarint), "ff", "-"), 1);
  EXPECT_EQ(Order(*TupleOf({SimpleType(TypeKind::kInt)}), "-", "ffffffff"), -1);
}

TEST(CompareValuesTest, NumbersAreSigned) {
  EXPECT_EQ(Order(*SimpleType(TypeKind::kTinyint), "80", "7f"), -1);
  EXPECT_EQ(Order(*SimpleType(TypeKind::kTimestamp), "ffffffffffffffff", "0000000000000000"), -1);
  EXPECT_EQ(Order(*SimpleType(TypeKind::kDate), "80000000", "7fffffff"), 1);
}

TEST(CompareValuesTest, FloatsAsInJava) {
  const TypePtr type = SimpleType(TypeKind::kFloat);
  EXPECT_EQ(Order(*type, "80000000", "00000000"), -1);
  EXPECT_EQ(Order(*type, "7f800000", "7fc00000"), -1);
  EXPECT_EQ(Order(*type, "ffc00001", "7fc00000"), 0);
}

TEST(CompareValuesTest, DecimalsByTheirNumber) {
  const TypePtr type = SimpleType(TypeKind::kDecimal);
  EXPECT_EQ(Order(*type, "0000000001", "0000000264"), 0);
  EXPECT_EQ(Order(*type, "000000000a", "0000000109"), 1);
  EXPECT_EQ(Order(*type, "80000000ff", "7fffffffff"), -1);
}

TEST(CompareValuesTest, UuidsByVersionThenTime) {
  EXPECT_EQ(Order(*SimpleType(TypeKind::kUuid), "ffffffffffff1fff0000000000000000", "00000000000040000000000000000000"),
            -1);
  EXPECT_EQ(Order(*SimpleType(TypeKind::kUuid), "ffffffff000010000000000000000000", "00000000000110000000000000000000"),
            -1);
  EXPECT_EQ(Order(*SimpleType(TypeKind::kUuid), "00000000000010007f00000000000000", "00000000000010008000000000000000"),
            -1);
  EXPECT_EQ(
      Order(*SimpleType(TypeKind::kTimeuuid), "00000000000010007f00000000000000", "00000000000010008000000000000000"),
      1);
}

TEST(CompareValuesTest, AbsentFieldsAreNull) {
  const TypePtr type = TupleOf({SimpleType(TypeKind::kInt), SimpleType(TypeKind::kInt)});
  EXPECT_EQ(Order(*type, "0000000400000001", "0000000400000001ffffffff"), 0);
  EXPECT_EQ(Order(*type, "0000000400000001", "000000040000000100000000"), -1);
}

TEST(CompareValuesTest, TheShorterListSortsFirst) {
  const TypePtr type = ListOf(SimpleType(TypeKind::kTinyint), true);
  EXPECT_EQ(Order(*type, "000000010000000105", "00000002000000010500000001ff"), -1);
  EXPECT_EQ(Order(*type, "000000010000000106", "00000002000000010500000001ff"), 1);
}

TEST(CompareValuesTest, BytesThatAreNoValueSortLast) {
  EXPECT_EQ(Order(*SimpleType(TypeKind::kInt), "00", "7fffffff"), 1);
  EXPECT_EQ(Order(*SimpleType(TypeKind::kInt), "00", "01"), -1);
  EXPECT_EQ(Order(*ListOf(SimpleType(TypeKind::kInt), true), "7fffffff", "00000000"), 1);
}

RC_GTEST_PROP(CompareValuesTest, IsATotalOrder, (uint64_t seed)) {
  ValueMaker maker(seed, 6);
  const TypePtr type = maker.MakeType(3);
  const std::string a = maker.MakeValue(*type);
  const std::string b = maker.MakeValue(*type);
  const std::string c = maker.MakeValue(*type);
  RC_ASSERT(CompareValues(*type, a, a) == 0);
  RC_ASSERT((CompareValues(*type, a, b) < 0) == (CompareValues(*type, b, a) > 0));
  if (CompareValues(*type, a, b) <= 0 && CompareValues(*type, b, c) <= 0) RC_ASSERT(CompareValues(*type, a, c) <= 0);
}

}  // namespace
}  // namespace braid
