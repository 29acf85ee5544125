#include "model/parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"

namespace braid {
namespace {

using testing::ElementsAre;

const TypePtr kInt = SimpleType(TypeKind::kInt);
const TypePtr kText = SimpleType(TypeKind::kText);

struct Taken {
  std::vector<std::string> parts;
  bool ok;
};

Taken Take(const Type& type, std::string_view hex) {
  const std::string value = FromHex(hex);
  PartReader reader(type, value);
  Taken taken;
  while (const std::optional<Part> part = reader.Next()) {
    taken.parts.push_back(part->null ? "NULL" : std::string(part->bytes));
  }
  taken.ok = reader.ok();
  return taken;
}

TEST(PartReaderTest, GivesKeysAndValuesByTurns) {
  const TypePtr map = MapOf(kText, kInt, true);
  const std::string value = FromHex(
      "00000001"
      "0000000161"
      "0000000400000007");
  PartReader reader(*map, value);
  EXPECT_EQ(reader.Next()->type, kText.get());
  EXPECT_EQ(reader.Next()->type, kInt.get());
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.ok());
}

TEST(PartReaderTest, GivesTheFieldsThatThereAre) {
  const Taken taken = Take(*TupleOf({kText, kText, kText}),
                           "0000000161"
                           "ffffffff");
  EXPECT_THAT(taken.parts, ElementsAre("a", "NULL"));
  EXPECT_TRUE(taken.ok);
}

TEST(PartReaderTest, GivesFieldsPastTheLastWithoutType) {
  const TypePtr tuple = TupleOf({kText});
  const std::string value = FromHex(
      "0000000161"
      "0000000162");
  PartReader reader(*tuple, value);
  EXPECT_EQ(reader.Next()->type, kText.get());
  EXPECT_EQ(reader.Next()->type, nullptr);
}

TEST(PartReaderTest, VectorsOfFixedLengthHaveNoLengths) {
  EXPECT_THAT(Take(*VectorOf(kInt, 2), "3031323334353637").parts, ElementsAre("0123", "4567"));
  EXPECT_THAT(Take(*VectorOf(kText, 2), "013000").parts, ElementsAre("0", ""));
  EXPECT_FALSE(Take(*VectorOf(kInt, 2), "30313233").ok);
  EXPECT_FALSE(Take(*VectorOf(kInt, 1), "3031323334").ok);
}

TEST(PartReaderTest, ACountBeyondTheBytesBreaksOff) {
  EXPECT_FALSE(Take(*ListOf(kInt, true), "7fffffff").ok);
  EXPECT_FALSE(Take(*ListOf(kInt, true), "ffffffff").ok);
  EXPECT_FALSE(Take(*ListOf(kInt, true), "00000001ffffffff").ok);
  EXPECT_FALSE(Take(*ListOf(kInt, true), "000000017fffffff").ok);
  EXPECT_FALSE(Take(*ListOf(kInt, true), "0000000000").ok);
  EXPECT_TRUE(Take(*ListOf(kInt, true), "00000000").ok);
}

// Else no byte would stand for any of four billion elements.
TEST(PartReaderTest, RefusesVectorsOfTypesWithoutBytes) {
  EXPECT_FALSE(Take(*VectorOf(SimpleType(TypeKind::kEmpty), UINT32_MAX), "00").ok);
}

}  // namespace
}  // namespace braid
