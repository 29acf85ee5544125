#include "control/config_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace braid {
namespace {

constexpr size_t kLeastKeyBytes = 16;
constexpr size_t kMostKeyBytes = 4096;
constexpr size_t kMostSecretBytes = size_t{64} << 10;

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

// What a file holds that nobody else may see, without the line end at its end; `most` bytes of it and one more, if it
// is longer. `what` is how messages call it; they show neither its path nor its content.
Result<std::string> ReadPrivateFile(const std::string& path, std::string_view what, size_t most) {
  // Not blocking: a named pipe would hold the start for ever.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return InvalidArgument(
        fmt::format("{} cannot be opened ({}); correct the path or its permissions", what, std::strerror(errno)));
  }
  std::string text(most + 3, '\0');
  struct stat info = {};
  const bool known = ::fstat(file, &info) == 0;
  const ssize_t size = known && S_ISREG(info.st_mode) ? ::read(file, text.data(), text.size()) : -1;
  ::close(file);
  if (size < 0) return InvalidArgument(fmt::format("{} is no plain file that can be read; name one", what));
  if ((info.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return InvalidArgument(
        fmt::format("others may read or write {}; run chmod 600 on it, and think about a new key", what));
  }
  text.resize(static_cast<size_t>(size));
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

// What `word`, of "${word}", stands for.
Result<std::string> ResolveReference(std::string_view word, const ConfigFiles& files) {
  constexpr std::string_view kEnv = "env:";
  constexpr std::string_view kFile = "file:";
  if (word.starts_with(kEnv) && word.size() > kEnv.size()) {
    if (!files.read_secrets) return "";
    const char* value = std::getenv(std::string(word.substr(kEnv.size())).c_str());
    if (value == nullptr) {
      return InvalidArgument("the environment does not have the variable that ${env:…} names; export it to Braid");
    }
    return value;
  }
  if (word.starts_with(kFile) && word.size() > kFile.size()) {
    ASSIGN_OR_RETURN(const std::string path, ResolvePath(files.directory, std::string(word.substr(kFile.size()))));
    if (!files.read_secrets) return "";
    ASSIGN_OR_RETURN(std::string text, ReadPrivateFile(path, "the file that ${file:…} names", kMostSecretBytes));
    if (text.size() > kMostSecretBytes) {
      return InvalidArgument("the file that ${file:…} names is longer than 64 KiB; no secret is");
    }
    return text;
  }
  return InvalidArgument("after ${ comes env:NAME} or file:PATH}; a value that has ${ itself belongs into a file");
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
  ASSIGN_OR_RETURN(std::string key, ReadPrivateFile(path, "the key file", kMostKeyBytes));
  if (key.size() < kLeastKeyBytes || key.size() > kMostKeyBytes) {
    return InvalidArgument(fmt::format("the key file must hold {} to {} bytes; make one with: openssl rand -hex 32",
                                       kLeastKeyBytes, kMostKeyBytes));
  }
  return key;
}

Result<Secret> ResolveSecret(const std::string& text, const ConfigFiles& files) {
  std::string resolved;
  size_t at = 0;
  for (size_t open = text.find("${"); open != std::string::npos; open = text.find("${", at)) {
    const size_t close = text.find('}', open);
    const size_t end = close == std::string::npos ? text.size() : close;
    resolved.append(text, at, open - at);
    ASSIGN_OR_RETURN(const std::string value,
                     ResolveReference(std::string_view(text).substr(open + 2, end - open - 2), files));
    if (close == std::string::npos) return InvalidArgument("a ${ has no } behind it; close it");
    resolved += value;
    at = close + 1;
  }
  resolved.append(text, at);
  if (!files.read_secrets) return Secret();
  if (resolved.empty()) return InvalidArgument("what it stands for is empty; put the value there");
  return Secret(std::move(resolved));
}

}  // namespace braid
