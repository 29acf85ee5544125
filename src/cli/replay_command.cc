#include <fmt/format.h>

#include <chrono>
#include <cstdio>

#include "cli/commands.h"
#include "cli/terminal.h"

namespace braid {
namespace {

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
  for (const std::string& line : summary.schema_warnings) fmt::print("schema: {}\n", line);
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
  if (!summary.has_value()) return FailOrDie(summary.error());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  PrintSummary(options, *summary, seconds.count());
  return 0;
}

}  // namespace braid
