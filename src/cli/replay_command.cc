#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>

#include "cli/commands.h"

namespace braid {
namespace {

constexpr int kBarWidth = 30;

// A progress bar on stderr, for people only: nothing is printed where stderr is no terminal.
class ProgressBar {
 public:
  ProgressBar() : shown_(::isatty(STDERR_FILENO) == 1) {}

  void Clear() {
    if (drawn_) std::fputs("\r\033[K", stderr);
    drawn_ = false;
  }

  void Draw(const char* step, double done) {
    if (!shown_) return;
    const auto now = std::chrono::steady_clock::now();
    if (drawn_ && now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    drawn_ = true;
    const int filled = static_cast<int>(done * kBarWidth);
    fmt::print(stderr, "\r\033[K{:<10} [{:-<{}}{:.<{}}] {:3.0f}%", step, "", filled, "", kBarWidth - filled,
               done * 100);
    std::fflush(stderr);
  }

 private:
  const bool shown_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

// While it lives, the first SIGINT or SIGTERM asks the replay to stop and clean up; a second one ends the program.
class StopOnSignal {
 public:
  StopOnSignal() {
    struct sigaction action = {};
    action.sa_handler = [](int signal) { caught_ = signal; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
  }
  ~StopOnSignal() {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
  }
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  // 0: none.
  static int caught() { return caught_; }

 private:
  static inline std::atomic<int> caught_ = 0;
};

std::string Plural(uint64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

void PrintSummary(const ReplayOptions& options, const ReplaySummary& summary, double seconds) {
  fmt::print("{} read from {} ({:.1f} MB) in {:.1f} s\n", Plural(summary.mutations, "mutation"),
             Plural(summary.segments, "segment"), static_cast<double>(summary.bytes) / 1e6, seconds);
  fmt::print("{} cut from them: {} absorbed, {} overtaken, {} without effect\n", Plural(summary.writes, "write"),
             summary.copies == 1 ? "1 copy" : fmt::format("{} copies", summary.copies), summary.overtaken,
             summary.silent);
  fmt::print("{}:\n", Plural(summary.changes, "change"));
  for (const ReplaySummary::Table& table : summary.tables) {
    fmt::print("  {:>10}  {}/{}.ndjson\n", table.changes, options.out, table.name);
  }
  for (const auto& [table, why] : summary.logs.passed_over) {
    fmt::print("passed over: {}: {}{}\n", table, why.reason,
               why.mutations == 0 ? "" : fmt::format(" ({})", Plural(why.mutations, "mutation")));
  }
  for (const std::string& line : summary.logs.schema_warnings) fmt::print("schema: {}\n", line);
  for (const std::string& line : summary.logs.torn) fmt::print("unfinished end: {}\n", line);
  for (const std::string& line : summary.logs.damage) fmt::print("NOT READ: {}\n", line);
}

}  // namespace

int Fail(const Error& error) {
  fmt::print(stderr, "braid: {}\n", error.message);
  return error.code == ErrorCode::kInvalidArgument ? 2 : 1;
}

int RunReplay(ReplayOptions options) {
  const auto start = std::chrono::steady_clock::now();
  options.machine_time_s =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  ProgressBar bar;
  options.progress = [&bar](const char* step, double done) { bar.Draw(step, done); };
  options.stop = [] { return StopOnSignal::caught() != 0; };
  const auto summary = [&options] {
    const StopOnSignal while_running;
    return Replay(options);
  }();
  bar.Clear();
  if (!summary.has_value() && StopOnSignal::caught() != 0) {
    Fail(summary.error());
    std::raise(StopOnSignal::caught());  // whoever started us sees that a signal ended it
  }
  if (!summary.has_value()) return Fail(summary.error());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  PrintSummary(options, *summary, seconds.count());
  return 0;
}

}  // namespace braid
