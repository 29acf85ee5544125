#include "base/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace braid {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

// What `errno` is worth, of an attempt to `what` the file.
Error SystemError(const std::string& path, const char* what, int error) {
  std::string message = fmt::format("{}: cannot {}: {}", path, what, std::strerror(error));
  switch (error) {
    case ENOENT:
      return NotFound(std::move(message));
    case ENOSPC:
    case EDQUOT:
      return NoSpace(std::move(message));
    default:
      return IoError(std::move(message));
  }
}

// Closes a descriptor when it goes.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  int get() const { return value_; }

 private:
  int value_;
};

Result<Descriptor> Open(const std::string& path, int flags, const char* what) {
  int descriptor;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, kFileMode);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return SystemError(path, what, errno);
  return Descriptor(descriptor);
}

// Writes all of `bytes` and adds what was written to *written, also on an error.
Status WriteAll(int descriptor, const std::string& path, ByteView bytes, uint64_t* written) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor, bytes.data(), bytes.size());
    if (put < 0) {
      if (errno == EINTR) continue;
      return SystemError(path, "write", errno);
    }
    bytes.remove_prefix(static_cast<size_t>(put));
    *written += static_cast<uint64_t>(put);
  }
  return {};
}

// The directory that `path` stands in.
std::string ParentOf(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  const size_t slash = end == std::string::npos ? end : path.rfind('/', end);
  if (slash == std::string::npos) return path.starts_with('/') ? "/" : ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class PosixWritableFile : public WritableFile {
 public:
  PosixWritableFile(std::string path, Descriptor descriptor, uint64_t size)
      : path_(std::move(path)), descriptor_(std::move(descriptor)), size_(size) {}

  Status Append(ByteView bytes) override { return WriteAll(descriptor_.get(), path_, bytes, &size_); }

  Status Sync() override {
    if (::fdatasync(descriptor_.get()) != 0) return SystemError(path_, "sync", errno);
    return {};
  }

  Status Truncate(uint64_t size) override {
    if (::ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0) return SystemError(path_, "truncate", errno);
    size_ = size;
    return {};
  }

  uint64_t size() const override { return size_; }

 private:
  std::string path_;
  Descriptor descriptor_;
  uint64_t size_;
};

class PosixFileLock : public FileLock {
 public:
  explicit PosixFileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;
};

class PosixFileWatch : public FileWatch {
 public:
  PosixFileWatch(std::string path, Descriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

  Status Wait(int timeout_ms) override {
    pollfd wanted{descriptor_.get(), POLLIN, 0};
    const int ready = ::poll(&wanted, 1, timeout_ms);
    if (ready < 0 && errno != EINTR) return SystemError(path_, "watch", errno);
    if (ready <= 0) return {};
    // Which events there were does not matter; they go, so that the next Wait sleeps.
    alignas(inotify_event) char events[4096];
    while (::read(descriptor_.get(), events, sizeof(events)) > 0) continue;
    return {};
  }

 private:
  std::string path_;
  Descriptor descriptor_;
};

class PosixFiles : public FileSystem {
 public:
  Result<std::vector<std::string>> List(const std::string& directory) override {
    DIR* listing = ::opendir(directory.c_str());
    if (listing == nullptr) return SystemError(directory, "list", errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(listing)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
      errno = 0;
    }
    const int error = errno;
    ::closedir(listing);
    if (error != 0) return SystemError(directory, "list", error);
    std::ranges::sort(names);
    return names;
  }

  Result<FileInfo> Info(const std::string& path) override {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return SystemError(path, "look", errno);
    return FileInfo{.size_bytes = static_cast<uint64_t>(info.st_size),
                    .modified_us = int64_t{info.st_mtim.tv_sec} * 1'000'000 + info.st_mtim.tv_nsec / 1000,
                    .inode = info.st_ino,
                    .device = info.st_dev,
                    .links = static_cast<uint32_t>(info.st_nlink),
                    .directory = S_ISDIR(info.st_mode)};
  }

  Result<std::unique_ptr<ByteSource>> OpenForRead(const std::string& path) override { return OpenFile(path); }

  Result<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path) override {
    ASSIGN_OR_RETURN(Descriptor descriptor, Open(path, O_WRONLY | O_CREAT | O_APPEND, "open for writing"));
    struct stat info {};
    if (::fstat(descriptor.get(), &info) != 0) return SystemError(path, "look", errno);
    return std::unique_ptr<WritableFile>(
        std::make_unique<PosixWritableFile>(path, std::move(descriptor), static_cast<uint64_t>(info.st_size)));
  }

  Status ReplaceFile(const std::string& path, ByteView content) override {
    const std::string fresh = path + ".new";
    Status written = WriteWhole(fresh, content);
    if (!written.has_value()) {
      ::unlink(fresh.c_str());
      return written;
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0) return SystemError(path, "replace", errno);
    return SyncDirectory(ParentOf(path));
  }

  Status Overwrite(const std::string& path, ByteView content) override {
    ASSIGN_OR_RETURN(const Descriptor descriptor, Open(path, O_WRONLY | O_CREAT, "open for writing"));
    uint64_t written = 0;
    return WriteAll(descriptor.get(), path, content, &written);
  }

  Status Remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return SystemError(path, "remove", errno);
    return {};
  }

  Status MakeDirectory(const std::string& path) override {
    if (::mkdir(path.c_str(), kDirectoryMode) == 0) return SyncDirectory(ParentOf(path));
    if (errno == ENOENT && ParentOf(path) != path) {
      TRY(MakeDirectory(ParentOf(path)));
      if (::mkdir(path.c_str(), kDirectoryMode) == 0) return SyncDirectory(ParentOf(path));
    }
    const int error = errno;
    struct stat info {};
    if (error == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return {};
    return SystemError(path, "make the directory", error);
  }

  Status SyncDirectory(const std::string& path) override {
    ASSIGN_OR_RETURN(const Descriptor descriptor, Open(path, O_RDONLY | O_DIRECTORY, "open the directory"));
    if (::fsync(descriptor.get()) != 0) return SystemError(path, "sync the directory", errno);
    return {};
  }

  Result<uint64_t> FreeBytes(const std::string& path) override {
    struct statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0) return SystemError(path, "ask for the free space", errno);
    return uint64_t{info.f_bavail} * info.f_frsize;
  }

  Result<uint64_t> VolumeBytes(const std::string& path) override {
    struct statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0) return SystemError(path, "ask for the volume's size", errno);
    return uint64_t{info.f_blocks} * info.f_frsize;
  }

  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    ASSIGN_OR_RETURN(Descriptor descriptor, Open(path, O_RDWR | O_CREAT, "open the lock"));
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return SystemError(path, "lock", errno);
      return Error{ErrorCode::kTransient, fmt::format("{}: another process holds the lock", path)};
    }
    return std::unique_ptr<FileLock>(std::make_unique<PosixFileLock>(std::move(descriptor)));
  }

  Result<std::unique_ptr<FileWatch>> Watch(const std::string& path) override {
    Descriptor descriptor(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (descriptor.get() < 0) {
      const int error = errno;
      if (error != EMFILE) return SystemError(path, "watch", error);
      return IoError(fmt::format("{}: cannot watch: {}: raise fs.inotify.max_user_instances or the limit of open files",
                                 path, std::strerror(error)));
    }
    if (::inotify_add_watch(descriptor.get(), path.c_str(), IN_MODIFY) < 0) return SystemError(path, "watch", errno);
    return std::unique_ptr<FileWatch>(std::make_unique<PosixFileWatch>(path, std::move(descriptor)));
  }

 private:
  Status WriteWhole(const std::string& path, ByteView content) {
    ASSIGN_OR_RETURN(const Descriptor descriptor, Open(path, O_WRONLY | O_CREAT | O_TRUNC, "open for writing"));
    uint64_t written = 0;
    TRY(WriteAll(descriptor.get(), path, content, &written));
    if (::fdatasync(descriptor.get()) != 0) return SystemError(path, "sync", errno);
    return {};
  }
};

}  // namespace

FileSystem* PosixFileSystem() {
  static PosixFiles files;
  return &files;
}

}  // namespace braid
