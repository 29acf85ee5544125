#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/check.h"

namespace braid {
namespace {

Status Check(int number) {
  if (number < 0) return InvalidArgument("negative");
  return {};
}

Result<std::unique_ptr<int>> Boxed(int number) {
  TRY(Check(number));
  return std::make_unique<int>(number);
}

Result<int> Doubled(int number) {
  ASSIGN_OR_RETURN(const std::unique_ptr<int> box, Boxed(number));
  return 2 * *box;
}

TEST(Result, AValuePassesAndAnErrorReturns) {
  EXPECT_EQ(Doubled(4).value(), 8);
  const auto refused = Doubled(-1);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().message, "negative");
}

TEST(Result, AtSaysWhere) {
  const Error error = Corrupt("a bad byte").At("segment 7").At("node a");
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  EXPECT_EQ(error.message, "node a: segment 7: a bad byte");
}

TEST(Result, EveryCodeHasAName) {
  EXPECT_STREQ(ErrorCodeName(ErrorCode::kIncomplete), "incomplete");
  EXPECT_STREQ(ErrorCodeName(ErrorCode::kCorrupt), "corrupt");
  EXPECT_STREQ(ErrorCodeName(ErrorCode::kUnsupported), "unsupported");
  EXPECT_STREQ(ErrorCodeName(ErrorCode::kNotFound), "not found");
  EXPECT_STREQ(ErrorCodeName(ErrorCode::kIoError), "i/o error");
  EXPECT_STREQ(ErrorCodeName(ErrorCode::kTransient), "transient");
  EXPECT_STREQ(ErrorCodeName(ErrorCode::kInvalidArgument), "invalid argument");
}

TEST(CheckDeathTest, OurOwnMistakesEndTheProgramByName) {
  const int two = 2;
  CHECK(two == 2);
  EXPECT_DEATH(CHECK(two == 3), "CHECK\\(two == 3\\) failed at .*result_test.cc");
}

}  // namespace
}  // namespace braid
