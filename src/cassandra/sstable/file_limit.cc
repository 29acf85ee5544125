#include "cassandra/sstable/file_limit.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace braid {
namespace {

// For whoever else opens files meanwhile.
constexpr uint64_t kSpare = 64;
// The limit is raised by at least as much, so that not every set raises it again.
constexpr uint64_t kStep = 1024;

uint64_t OpenFiles() {
  std::error_code error;
  uint64_t count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end; at.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

Status MakeRoomForFiles(uint64_t more, const std::string& what) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return IoError(fmt::format("cannot ask for the limit of open files: {}", std::strerror(errno)));
  }
  const uint64_t open = OpenFiles();
  const uint64_t needed = open + more + kSpare;
  if (needed <= limit.rlim_cur) return {};
  if (needed > limit.rlim_max) {
    return IoError(
        fmt::format("{} need {} files open at once beside the {} that are, but the system lets this process "
                    "open {}; raise its hard limit of open files (ulimit -Hn, or LimitNOFILE of its "
                    "service) to {} or more",
                    what, more, open, limit.rlim_max, needed));
  }
  limit.rlim_cur = std::min<uint64_t>(limit.rlim_max, needed + kStep);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return IoError(fmt::format("cannot raise the limit of open files to {}: {}; raise it for the process (ulimit -n)",
                               limit.rlim_cur, std::strerror(errno)));
  }
  return {};
}

}  // namespace braid
