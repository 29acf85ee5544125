// Within pipeline/read: lines on their way to whoever reads them.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "pipeline/read/read_stream.h"

namespace braid {

class LineBuffer {
 public:
  explicit LineBuffer(const ReadOptions& options) : options_(options) {}

  // For the next line to be appended to; EndLine ends it.
  std::string* line() { return &lines_; }
  // Errors: of the reader's `write`.
  Status EndLine() {
    lines_.push_back('\n');
    return lines_.size() >= kWriteBytes ? Write() : Status();
  }
  // Everything that there is has been appended.
  Status Flush() {
    if (lines_.empty()) return {};
    TRY(Write());
    if (options_.flush) options_.flush();
    return {};
  }

 private:
  static constexpr size_t kWriteBytes = size_t{64} << 10;

  Status Write() {
    TRY(options_.write(lines_));
    lines_.clear();
    return {};
  }

  const ReadOptions& options_;
  std::string lines_;
};

}  // namespace braid
