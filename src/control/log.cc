#include "control/log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>
#include <map>
#include <mutex>

namespace braid {
namespace {

// Kinds of lines that are counted at a time.
constexpr size_t kMostKinds = 1000;
constexpr size_t kMostMessageBytes = 4096;

spdlog::level::level_enum SpdlogLevel(Log::Level level) {
  switch (level) {
    case Log::Level::kInfo:
      return spdlog::level::info;
    case Log::Level::kWarning:
      return spdlog::level::warn;
    case Log::Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// As logfmt has it: bare if it is a plain word, else in quotes.
std::string Quoted(std::string_view text) {
  bool bare = !text.empty();
  std::string quoted = "\"";
  for (const char c : text.substr(0, kMostMessageBytes)) {
    const auto code = static_cast<unsigned char>(c);
    bare = bare && code > 0x20 && code != 0x7F && c != '"' && c != '\\' && c != '=';
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (code < 0x20 || code == 0x7F) {
      quoted += fmt::format("\\x{:02x}", code);
    } else {
      quoted.push_back(c);
    }
  }
  if (text.size() > kMostMessageBytes) quoted += "…";
  quoted.push_back('"');
  return bare && text.size() <= kMostMessageBytes ? std::string(text) : quoted;
}

// What lines that differ only in digits have in common.
std::string KindOf(Log::Level level, std::string_view text) {
  std::string kind(1, static_cast<char>('0' + static_cast<int>(level)));
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) kind.push_back(c);
    if (digit && kind.back() != '#') kind.push_back('#');
  }
  return kind;
}

// Without a lock of its own: the log has one.
spdlog::sink_ptr SinkFor(std::ostream* to) {
  if (to == nullptr) return std::make_shared<spdlog::sinks::stderr_sink_st>();
  return std::make_shared<spdlog::sinks::ostream_sink_st>(*to, /*force_flush=*/true);
}

class StreamLog : public Log {
 public:
  explicit StreamLog(Options options) : options_(std::move(options)), logger_("braid", SinkFor(options_.to)) {
    logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>("time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v",
                                                                      spdlog::pattern_time_type::utc));
  }

  ~StreamLog() override {
    for (const auto& [kind, alike] : kinds_) TellSuppressed(alike);
  }

  void Write(Level level, std::string_view message, const Fields& fields) override {
    std::string text = fmt::format("msg={}", Quoted(message));
    for (const Fields* list : {&options_.fields, &fields}) {
      for (const auto& [key, value] : *list) text += fmt::format(" {}={}", key, Quoted(value));
    }
    const std::lock_guard lock(mutex_);
    const int64_t now_us = Now();
    Alike& alike = Find(KindOf(level, text), now_us);
    if (alike.written >= options_.most_alike) {
      ++alike.suppressed;
      alike.level = level;
      alike.last = std::move(text);
      return;
    }
    ++alike.written;
    const uint64_t suppressed = std::exchange(alike.suppressed_before, 0);
    if (suppressed > 0) text += fmt::format(" suppressed={}", suppressed);
    Out(level, now_us, text);
  }

 private:
  // Lines that differ only in digits.
  struct Alike {
    int64_t since_us = 0;
    size_t written = 0;              // since then
    uint64_t suppressed = 0;         // since then
    uint64_t suppressed_before = 0;  // and not told yet
    Level level = Level::kInfo;
    std::string last;  // that was suppressed
  };

  int64_t Now() const {
    if (options_.now) return options_.now();
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  }

  void Out(Level level, int64_t now_us, const std::string& text) {
    const spdlog::log_clock::time_point at{
        std::chrono::duration_cast<spdlog::log_clock::duration>(std::chrono::microseconds(now_us))};
    logger_.log(at, spdlog::source_loc{}, SpdlogLevel(level), spdlog::string_view_t(text));
  }

  void TellSuppressed(const Alike& alike) {
    const uint64_t count = alike.suppressed + alike.suppressed_before;
    if (count > 0) Out(alike.level, Now(), fmt::format("{} suppressed={}", alike.last, count));
  }

  Alike& Find(const std::string& kind, int64_t now_us) {
    const auto found = kinds_.find(kind);
    if (found == kinds_.end()) {
      if (kinds_.size() >= kMostKinds) ForgetOldest();
      Alike& alike = kinds_[kind];
      alike.since_us = now_us;
      return alike;
    }
    Alike& alike = found->second;
    // A clock that was set back begins anew too.
    if (now_us - alike.since_us < options_.alike_us && now_us >= alike.since_us) return alike;
    alike.suppressed_before += std::exchange(alike.suppressed, 0);
    alike.since_us = now_us;
    alike.written = 0;
    return alike;
  }

  void ForgetOldest() {
    auto oldest = kinds_.begin();
    for (auto each = kinds_.begin(); each != kinds_.end(); ++each) {
      if (each->second.since_us < oldest->second.since_us) oldest = each;
    }
    TellSuppressed(oldest->second);
    kinds_.erase(oldest);
  }

  const Options options_;
  std::mutex mutex_;
  spdlog::logger logger_;
  std::map<std::string, Alike> kinds_;
};

}  // namespace

std::unique_ptr<Log> Log::Make(Options options) {
  return std::make_unique<StreamLog>(std::move(options));
}

std::function<void(bool alarm, const std::string& message)> Log::Callback(Fields fields) {
  return [this, fields = std::move(fields)](bool alarm, const std::string& message) {
    Write(alarm ? Level::kWarning : Level::kInfo, message, fields);
  };
}

}  // namespace braid
