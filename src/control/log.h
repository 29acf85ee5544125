// The log of a running pipeline: one line an event, in logfmt, on stderr.
//
//   time=2026-11-21T07:40:51.123Z level=warning msg="cdc_raw is at 78 % of its limit" pipeline=movies node=n1
//
// Thread-safe. A line goes out whole, at once; if whoever reads stderr does not, the caller waits.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace braid {

class Log {
 public:
  enum class Level { kInfo, kWarning, kError };
  // Of a line, after its message. A key is a word; a value any text.
  using Fields = std::vector<std::pair<std::string, std::string>>;

  struct Options {
    Fields fields;                 // of every line
    std::ostream* to = nullptr;    // nullptr: stderr
    std::function<int64_t()> now;  // microseconds since 1970; empty: the system's clock
    // Of lines that differ in nothing but digits, so many go out in so long a time. The next one after it, or the
    // log's end, tells how many were left out: suppressed=N.
    size_t most_alike = 10;
    int64_t alike_us = 60'000'000;
  };

  // Never throws.
  static std::unique_ptr<Log> Make(Options options);
  virtual ~Log() = default;

  virtual void Write(Level level, std::string_view message, const Fields& fields = {}) = 0;

  // What rooms call with a message and whether it is an alarm (a warning here). The log must outlive it.
  std::function<void(bool alarm, const std::string& message)> Callback(Fields fields = {});
};

}  // namespace braid
