#include "base/failpoint.h"

#include <gtest/gtest.h>

#include <csignal>

#include "base/testing/run_again.h"

namespace braid {
namespace {

// The environment is looked at when a program starts: so each case is this program again, running the test below.
int Walk(const std::string& wish) {
  return RunThisProgramAgain("FailpointTest.DISABLED_Walk", {{"BRAID_FAILPOINT", wish}});
}

TEST(FailpointTest, DISABLED_Walk) {
  for (int i = 0; i < 3; ++i) {
    Failpoint("test.here");
    Failpoint("test.there");
  }
}

TEST(FailpointTest, KillsAtTheNamedPlace) {
  EXPECT_EQ(Walk(""), 0);
  EXPECT_EQ(Walk("test.nowhere"), 0);
  EXPECT_EQ(Walk("test.there"), 128 + SIGKILL);
  EXPECT_EQ(Walk("test.here:3"), 128 + SIGKILL);
  EXPECT_EQ(Walk("test.here:4"), 0);
}

}  // namespace
}  // namespace braid
