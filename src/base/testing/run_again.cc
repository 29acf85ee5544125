#include "base/testing/run_again.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/check.h"

namespace braid {

int RunThisProgramAgain(const std::string& filter, const std::vector<std::pair<std::string, std::string>>& variables) {
  const std::string filter_argument = "--gtest_filter=" + filter;
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    CHECK(execl("/proc/self/exe", "test", filter_argument.c_str(), "--gtest_also_run_disabled_tests", nullptr) == 0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace braid
