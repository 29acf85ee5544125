#include "pipeline/offline/table_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/check.h"

namespace braid {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBufferBytes = 1 << 20;

Error WriteFailed(const std::string& path, int error) {
  const char* cure = error == ENOSPC || error == EDQUOT ? "; free some space, or choose another --out, and run again"
                     : error == EFBIG ? "; allow larger files (ulimit -f), or choose another --out, and run again"
                                      : "";
  return IoError(fmt::format("{}: cannot write: {}{}", path, std::strerror(error), cure));
}

constexpr const char* kWorkingPrefix = ".braid-";

// Opens and locks a working directory; -1 if somebody else holds it. The lock ends with the process, however it ends.
int LockDirectory(const std::string& path) {
  const int lock = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0) return -1;
  if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  ::close(lock);
  return -1;
}

// Removes what runs that were killed have left: working directories that no process holds.
void RemoveAbandoned(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (!entry->path().filename().string().starts_with(kWorkingPrefix)) continue;
    const int lock = LockDirectory(entry->path().string());
    if (lock < 0) continue;
    std::error_code ignored;
    fs::remove_all(entry->path(), ignored);
    ::close(lock);
  }
}

}  // namespace

Result<std::unique_ptr<TableOutput>> TableOutput::Open(const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return IoError(fmt::format("{}: cannot make the output directory: {}", directory, error.message()));
  RemoveAbandoned(directory);
  while (true) {
    std::string working = directory + "/" + kWorkingPrefix + "XXXXXX";
    if (::mkdtemp(working.data()) == nullptr) return WriteFailed(directory, errno);
    const int lock = LockDirectory(working);
    if (lock >= 0 && fs::exists(working)) {
      return std::unique_ptr<TableOutput>(new TableOutput(directory, working, lock));
    }
    // Another run took it for abandoned before it was locked: make one anew.
    if (lock >= 0) ::close(lock);
  }
}

TableOutput::~TableOutput() {
  if (descriptor_ >= 0) ::close(descriptor_);
  std::error_code ignored;
  fs::remove_all(working_directory_, ignored);
  ::close(lock_);
}

Status TableOutput::BeginFile(const std::string& name) {
  TRY(EndFile());
  current_ = name;
  const std::string path = working_directory_ + "/" + name;
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) return WriteFailed(path, errno);
  return {};
}

Status TableOutput::Append(const std::string& lines) {
  CHECK(descriptor_ >= 0);
  buffer_ += lines;
  if (buffer_.size() < kBufferBytes) return {};
  return Flush();
}

Status TableOutput::Flush() {
  size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t wrote = ::write(descriptor_, buffer_.data() + done, buffer_.size() - done);
    if (wrote < 0) {
      if (errno == EINTR) continue;
      return WriteFailed(directory_ + "/" + current_, errno);
    }
    done += static_cast<size_t>(wrote);
  }
  buffer_.clear();
  return {};
}

Status TableOutput::EndFile() {
  if (descriptor_ < 0) return {};
  TRY(Flush());
  if (::fsync(descriptor_) != 0) return WriteFailed(directory_ + "/" + current_, errno);
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) return WriteFailed(directory_ + "/" + current_, errno);
  finished_.push_back(current_);
  return {};
}

Status TableOutput::Publish() {
  TRY(EndFile());
  for (const std::string& name : finished_) {
    const std::string from = working_directory_ + "/" + name;
    const std::string to = directory_ + "/" + name;
    if (::rename(from.c_str(), to.c_str()) != 0) return WriteFailed(to, errno);
  }
  finished_.clear();
  return {};
}

}  // namespace braid
