#include "base/failpoint.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace braid {
namespace {

// The environment is looked at when a program starts: so each case is this program again, running the test below.
int RunAgain(const char* wish) {
  char self[4096] = {};
  FILE* link = popen("readlink /proc/$PPID/exe", "r");
  EXPECT_NE(std::fgets(self, sizeof(self), link), nullptr);
  pclose(link);
  std::string path = self;
  path.resize(path.find('\n'));
  // The shell gives 128 and the signal's number.
  const std::string command = "sh -c '" + std::string(wish) + " " + path +
                              " --gtest_also_run_disabled_tests --gtest_filter=FailpointTest.DISABLED_Walk'"
                              " >/dev/null 2>&1; exit $?";
  return WEXITSTATUS(std::system(command.c_str()));
}

TEST(FailpointTest, DISABLED_Walk) {
  for (int i = 0; i < 3; ++i) {
    Failpoint("test.here");
    Failpoint("test.there");
  }
}

TEST(FailpointTest, KillsAtTheNamedPlace) {
  EXPECT_EQ(RunAgain(""), 0);
  EXPECT_EQ(RunAgain("BRAID_FAILPOINT=test.nowhere"), 0);
  EXPECT_EQ(RunAgain("BRAID_FAILPOINT=test.there"), 128 + SIGKILL);
  EXPECT_EQ(RunAgain("BRAID_FAILPOINT=test.here:3"), 128 + SIGKILL);
  EXPECT_EQ(RunAgain("BRAID_FAILPOINT=test.here:4"), 0);
}

}  // namespace
}  // namespace braid
