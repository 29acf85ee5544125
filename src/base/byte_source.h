// Random-access bytes: a file, or memory in tests. What readers of files read from, so that they do no I/O themselves.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace braid {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Reads up to `size` bytes from `offset` into `to`; gives the number read, fewer only at the end. Thread-safe.
  virtual Result<size_t> ReadAt(uint64_t offset, char* to, size_t size) const = 0;

  // Bytes there are now. A live file may grow.
  virtual Result<uint64_t> Size() const = 0;

  // What messages call it: the file's path.
  virtual const std::string& name() const = 0;
};

// Bytes in memory, which the source owns.
class MemorySource : public ByteSource {
 public:
  MemorySource(std::string name, std::string bytes) : name_(std::move(name)), bytes_(std::move(bytes)) {}

  Result<size_t> ReadAt(uint64_t offset, char* to, size_t size) const override;
  Result<uint64_t> Size() const override { return bytes_.size(); }
  const std::string& name() const override { return name_; }

 private:
  std::string name_;
  std::string bytes_;
};

// Opens the file `path` for reading. Errors: kNotFound, kIoError, with the path.
Result<std::unique_ptr<ByteSource>> OpenFile(const std::string& path);

// The whole of a source, refused as kCorrupt if it is larger than `limit_bytes`: for small files only.
Result<std::string> ReadAll(const ByteSource& source, uint64_t limit_bytes);
// The same of the file `path`.
Result<std::string> ReadFile(const std::string& path, uint64_t limit_bytes);

}  // namespace braid
