#include <fmt/format.h>

#include <chrono>

#include "cli/commands.h"
#include "cli/terminal.h"

namespace braid {
namespace {

void PrintSummary(const BackfillOptions& options, const BackfillSummary& summary, double seconds) {
  fmt::print("{} read from {} ({:.1f} MB) in {:.1f} s\n", Plural(summary.partitions, "partition"),
             Plural(summary.sstables, "SSTable"), static_cast<double>(summary.bytes) / 1e6, seconds);
  fmt::print("{} alive, {} deleted or expired:\n", Plural(summary.rows, "row"), summary.dead_rows);
  for (const BackfillSummary::Table& table : summary.tables) {
    fmt::print("  {:>10}  {}/{}.ndjson\n", table.rows, options.out, table.name);
  }
  for (const std::string& line : summary.missing) fmt::print("no files: {}\n", line);
  for (const std::string& line : summary.schema_warnings) fmt::print("schema: {}\n", line);
  for (const std::string& line : summary.damage) fmt::print("NOT READ: {}\n", line);
}

}  // namespace

int RunBackfill(BackfillOptions options) {
  const auto start = std::chrono::steady_clock::now();
  ProgressBar bar;
  options.progress = [&bar](const char* step, double done) { bar.Draw(step, done); };
  options.stop = [] { return StopOnSignal::caught() != 0; };
  const auto summary = [&options] {
    const StopOnSignal while_running;
    return Backfill(options);
  }();
  bar.Clear();
  if (!summary.has_value()) return FailOrDie(summary.error());
  if (!options.files.snapshot.empty() && summary->tables.empty() && !summary->missing.empty()) {
    return Fail(
        NotFound(fmt::format("no node has a snapshot {} of any of these tables; nodetool listsnapshots names those "
                             "that there are",
                             options.files.snapshot)));
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  PrintSummary(options, *summary, seconds.count());
  return 0;
}

}  // namespace braid
