#include "control/config_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace braid {
namespace {

constexpr size_t kLeastKeyBytes = 16;
constexpr size_t kMostKeyBytes = 4096;

// What is wrong with a directory in which Braid needs `access` (of access(2)), or "".
std::string CheckDirectory(const std::string& path, int access) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR) {
      return fmt::format("there is no directory {}; correct the path, or mount the volume that it is on", path);
    }
    return fmt::format("{} cannot be looked at ({}); run Braid as the user or in the group that Cassandra runs as",
                       path, std::strerror(error));
  }
  if (!S_ISDIR(info.st_mode)) return fmt::format("{} is not a directory; correct the path", path);
  if (::faccessat(AT_FDCWD, path.c_str(), access, AT_EACCESS) == 0) return "";
  const bool write = (access & W_OK) != 0;
  return fmt::format("{} cannot be {}; run Braid as Cassandra's user, or in its group and give the group {} there",
                     path, write ? "written" : "read", write ? "rwx" : "r-x");
}

std::string Canonical(const std::string& path) {
  std::error_code error;
  const std::filesystem::path canonical = std::filesystem::weakly_canonical(path, error);
  return error ? path : canonical.string();
}

bool Within(const std::string& inner, const std::string& outer) {
  if (inner.compare(0, outer.size(), outer) != 0) return false;
  return inner.size() == outer.size() || outer.back() == '/' || inner[outer.size()] == '/';
}

}  // namespace

Result<std::string> ResolvePath(const std::string& directory, const std::string& text) {
  if (text.front() == '~' || text.front() == '$') {
    return InvalidArgument("~ and $NAME mean nothing here; write the path out");
  }
  if (text.find('\0') != std::string::npos) return InvalidArgument("no path has a NUL in it; write the path anew");
  const std::filesystem::path path = std::filesystem::path(directory) / text;
  std::string normal = path.lexically_normal().string();
  if (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  return normal;
}

std::vector<std::string> CheckNodeDirectories(const NodeFiles& node) {
  std::vector<std::string> mistakes;
  const auto check = [&mistakes](const char* key, const std::string& path, int access) {
    const std::string mistake = path.empty() ? "" : CheckDirectory(path, access);
    if (!mistake.empty()) mistakes.push_back(fmt::format("{}: {}", key, mistake));
  };
  // Segments that are durable downstream are removed there.
  check("cdc_raw", node.cdc_raw, R_OK | W_OK | X_OK);
  check("commitlog", node.commitlog, R_OK | X_OK);
  for (const std::string& data : node.data) check("data", data, R_OK | X_OK);
  return mistakes;
}

std::string CheckStateDirectory(const std::string& state, const std::vector<NodeFiles>& nodes) {
  struct stat info = {};
  if (::stat(state.c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) {
    return fmt::format("{} is not a directory; name one, it is made if it is not there", state);
  }
  const std::string own = Canonical(state);
  for (const NodeFiles& node : nodes) {
    std::vector<std::string> theirs = node.data;
    theirs.push_back(node.cdc_raw);
    theirs.push_back(node.commitlog);
    for (const std::string& directory : theirs) {
      if (directory.empty()) continue;
      const std::string other = Canonical(directory);
      if (!Within(own, other) && !Within(other, own)) continue;
      return fmt::format("{} and the node {}'s {} lie within one another; give Braid a directory of its own", state,
                         node.name, directory);
    }
  }
  return "";
}

Result<std::string> ReadKeyFile(const std::string& path) {
  // Not blocking: a named pipe would hold the start for ever.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return InvalidArgument(
        fmt::format("the key file cannot be opened ({}); correct the path or its permissions", std::strerror(errno)));
  }
  std::array<char, kMostKeyBytes + 3> buffer = {};
  struct stat info = {};
  const bool known = ::fstat(file, &info) == 0;
  ssize_t size = known && S_ISREG(info.st_mode) ? ::read(file, buffer.data(), buffer.size()) : -1;
  ::close(file);
  if (size < 0) return InvalidArgument("the key file is no plain file that can be read; name one");
  if ((info.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return InvalidArgument("others may read or write the key file; run chmod 600 on it, and think about a new key");
  }
  std::string key(buffer.data(), static_cast<size_t>(size));
  if (key.ends_with('\n')) key.pop_back();
  if (key.ends_with('\r')) key.pop_back();
  if (key.size() < kLeastKeyBytes || key.size() > kMostKeyBytes) {
    return InvalidArgument(fmt::format("the key file must hold {} to {} bytes; make one with: openssl rand -hex 32",
                                       kLeastKeyBytes, kMostKeyBytes));
  }
  return key;
}

}  // namespace braid
