#include "base/byte_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace braid {
namespace {

class FileSource : public ByteSource {
 public:
  FileSource(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~FileSource() override { ::close(descriptor_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  Result<size_t> ReadAt(uint64_t offset, char* to, size_t size) const override {
    size_t done = 0;
    while (done < size) {
      const ssize_t got = ::pread(descriptor_, to + done, size - done, static_cast<off_t>(offset + done));
      if (got == 0) break;
      if (got < 0) {
        if (errno == EINTR) continue;
        return IoError(fmt::format("{}: cannot read at offset {}: {}", path_, offset + done, std::strerror(errno)));
      }
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Result<uint64_t> Size() const override {
    struct stat info {};
    if (::fstat(descriptor_, &info) != 0) return IoError(fmt::format("{}: {}", path_, std::strerror(errno)));
    return static_cast<uint64_t>(info.st_size);
  }

  const std::string& name() const override { return path_; }

 private:
  std::string path_;
  int descriptor_;
};

}  // namespace

Result<size_t> MemorySource::ReadAt(uint64_t offset, char* to, size_t size) const {
  if (offset >= bytes_.size()) return size_t{0};
  const size_t count = std::min<size_t>(size, bytes_.size() - offset);
  std::memcpy(to, bytes_.data() + offset, count);
  return count;
}

Result<std::unique_ptr<ByteSource>> OpenFile(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const int error = errno;
    const std::string message = fmt::format("{}: cannot open: {}", path, std::strerror(error));
    return error == ENOENT ? NotFound(message) : IoError(message);
  }
  struct stat info {};
  if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(descriptor);
    return IoError(fmt::format("{}: is not a regular file", path));
  }
  return std::unique_ptr<ByteSource>(std::make_unique<FileSource>(path, descriptor));
}

Result<std::string> ReadAll(const ByteSource& source, uint64_t limit_bytes) {
  ASSIGN_OR_RETURN(const uint64_t size, source.Size());
  if (size > limit_bytes) {
    return Corrupt(
        fmt::format("{}: has {} bytes, more than the {} that such a file can have", source.name(), size, limit_bytes));
  }
  std::string bytes(size, '\0');
  ASSIGN_OR_RETURN(const size_t got, source.ReadAt(0, bytes.data(), bytes.size()));
  bytes.resize(got);
  return bytes;
}

Result<std::string> ReadFile(const std::string& path, uint64_t limit_bytes) {
  ASSIGN_OR_RETURN(const auto source, OpenFile(path));
  return ReadAll(*source, limit_bytes);
}

}  // namespace braid
