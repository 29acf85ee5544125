// `braid backfill --config` and `braid verify`: what is asked of a pipeline that runs, and how it goes on.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "control/config.h"
#include "control/status.h"
#include "pipeline/verify/verify.h"

namespace braid {
namespace {

using Json = nlohmann::json;

constexpr auto kLookEvery = std::chrono::milliseconds(200);
// A request is taken up within a second or two.
constexpr int64_t kTakenUpUs = 20'000'000;

int64_t NowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Result<Json> FetchJson(const Config& config) {
  ASSIGN_OR_RETURN(const std::string text, FetchStatus(config));
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("backfills")) return Corrupt("the status tells of no backfills");
  return json;
}

// The newest backfill of the table that was asked for since, or null.
Json FindTask(const Json& status, const std::string& table, bool compares, int64_t since_us) {
  Json found;
  for (const Json& task : status["backfills"]) {
    const bool fits = task.value("table", "") == table && (task.value("cause", "") == "verify") == compares;
    if (fits && task.value("asked_us", int64_t{0}) >= since_us) found = task;
  }
  return found;
}

// What keeps the table from being done, told once each: the pipeline goes on trying, and its own log may be elsewhere.
class Obstacles {
 public:
  void Tell(const Json& status, const std::string& table, const std::string& state, ProgressBar* bar) {
    if (state == "paused") TellOne(fmt::format("{}: paused; go on with it by braid backfill … --resume", table), bar);
    for (const Json& alarm : status.value("alarms", Json::array())) {
      const std::string text = alarm.is_string() ? alarm.get<std::string>() : "";
      // What no backfill can do without is told of the first that waits for it.
      const bool concerns =
          text.find(table + " ") != std::string::npos || text.find("not backfilled") != std::string::npos;
      if (concerns) TellOne("not done yet: " + text, bar);
    }
  }

 private:
  void TellOne(const std::string& text, ProgressBar* bar) {
    if (!told_.insert(text).second) return;
    bar->Clear();
    fmt::print(stderr, "braid: {}\n", text);
  }

  std::set<std::string> told_;
};

// Waits until the backfill is at its end, and gives it as the status has it.
Result<Json> Await(const Config& config, const std::string& table, bool compares, int64_t since_us) {
  ProgressBar bar;
  Obstacles obstacles;
  const std::string step = (compares ? "verifying " : "backfilling ") + table;
  bool seen = false;
  while (StopOnSignal::caught() == 0) {
    ASSIGN_OR_RETURN(const Json status, FetchJson(config));
    const Json task = FindTask(status, table, compares, since_us);
    const std::string state = task.is_null() ? "" : task.value("state", "");
    if (state == "done") {
      bar.Clear();
      return task;
    }
    if (state == "cancelled") {
      bar.Clear();
      const Json& problem = task.contains("problem") ? task["problem"] : Json();
      if (problem.is_string()) return IoError(fmt::format("{}: {}", table, problem.get<std::string>()));
      return Error{ErrorCode::kTransient, fmt::format("{}: somebody has cancelled it; ask again", table)};
    }
    if (seen && task.is_null()) return Error{ErrorCode::kTransient, "the pipeline was started anew; ask again"};
    if (task.is_null() && NowUs() - since_us > kTakenUpUs) {
      return Error{ErrorCode::kTransient,
                   "the pipeline did not take it up: its log says why (is the table captured, cdc = true?)"};
    }
    seen = seen || !task.is_null();
    obstacles.Tell(status, table, state, &bar);
    const double total = task.is_null() ? 0 : task.value("total_bytes", 0.0);
    bar.Draw(step.c_str(), total > 0 ? task.value("read_bytes", 0.0) / total : 0);
    std::this_thread::sleep_for(kLookEvery);
  }
  bar.Clear();
  return Error{ErrorCode::kTransient, "stopped looking; the pipeline goes on with it (braid status shows how)"};
}

// Prints what a comparison found. True if there is nothing.
bool TellVerdict(const std::string& table, const Json& task, bool samples) {
  const Json& found = task["comparison"];
  const auto number = [&](const char* name) { return found.value(name, uint64_t{0}); };
  const uint64_t differences = number("missing") + number("extra") + number("stale") + number("different");
  if (samples) {
    for (const Json& sample : found["samples"]) fmt::print("{}\n", sample.get<std::string>());
    std::fflush(stdout);
  }
  fmt::print(stderr, "{}: {} held against what the nodes have: {}\n", table, Plural(number("rows"), "row"),
             differences == 0 ? std::string("no difference")
                              : fmt::format("{} missing, {} extra, {} stale, {} different", number("missing"),
                                            number("extra"), number("stale"), number("different")));
  if (found.value("in_motion", false)) {
    fmt::print(stderr, "{}: so much was written meanwhile that rows which only the pipeline has were not all judged\n",
               table);
  }
  return differences == 0;
}

Result<std::vector<std::string>> TablesOf(const Config& config) {
  ASSIGN_OR_RETURN(const Json status, FetchJson(config));
  std::vector<std::string> tables;
  for (const Json& stream : status["streams"]) {
    for (const Json& table : stream["tables"]) tables.push_back(table.get<std::string>());
  }
  std::ranges::sort(tables);
  tables.erase(std::ranges::unique(tables).begin(), tables.end());
  return tables;
}

Status CheckNotOnKafka(const Config& config) {
  if (!config.kafka.has_value()) return {};
  return InvalidArgument(
      fmt::format("{}: on Kafka nothing can be asked: workers read the past of tables, and what lies in gaps, by "
                  "themselves, and braid status shows how they fare; they cannot be verified",
                  config.path));
}

Status AskAndWait(const OnlineBackfillArguments& arguments) {
  using What = BackfillRequest::What;
  ASSIGN_OR_RETURN(const Config config, ReadConfig(arguments.config, ConfigUse::kAsk));
  TRY(CheckNotOnKafka(config));
  // All of them before the first is asked for: a key that is wrong for one of the tables leaves nothing half done.
  std::vector<TokenRange> tokens(arguments.tables.size(), arguments.tokens);
  for (size_t i = 0; arguments.key.has_value() && i < tokens.size(); ++i) {
    ASSIGN_OR_RETURN(tokens[i], TokensOfKey(config.state, arguments.tables[i], *arguments.key));
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    const std::string& table = arguments.tables[i];
    const int64_t since_us = NowUs();
    ASSIGN_OR_RETURN(const BackfillOutcome outcome,
                     AskBackfill(config.state, {.what = arguments.what, .table = table, .tokens = tokens[i]}));
    if (outcome == BackfillOutcome::kLeft) {
      fmt::print("{}: no pipeline runs on {}; it is done when one does\n", table, config.state);
      continue;
    }
    if (arguments.what != What::kBegin || !arguments.wait || config.http.port == 0) {
      fmt::print("{}: the running pipeline takes it up within seconds; braid status shows how it goes\n", table);
      continue;
    }
    TRY(Await(config, table, false, since_us));
    fmt::print("{}: done\n", table);
  }
  return {};
}

// Whether the streams tell what the pipeline knows.
Result<bool> VerifyTold(const Config& config, const std::vector<std::string>& tables, bool show) {
  ProgressBar bar;
  const auto verdict = VerifyTimeline({.state = config.state,
                                       .tables = tables,
                                       .scratch = "",
                                       .purge_slack_us = config.purge_slack_us,
                                       .progress = [&](const char* step, double done) { bar.Draw(step, done); },
                                       .stop = [] { return StopOnSignal::caught() != 0; }});
  bar.Clear();
  TRY(verdict);
  if (show) fmt::print("{}", VerdictJson(*verdict));
  std::fflush(stdout);
  fmt::print(stderr, "{}", VerdictText(*verdict));
  return verdict->clean();
}

Result<bool> VerifyAll(const VerifyArguments& arguments) {
  ASSIGN_OR_RETURN(const Config config, ReadConfig(arguments.config, ConfigUse::kAsk));
  TRY(CheckNotOnKafka(config));
  std::vector<std::string> tables = arguments.tables;
  if (tables.empty()) {
    ASSIGN_OR_RETURN(tables, TablesOf(config));
  }
  const int64_t since_us = NowUs();
  for (const std::string& table : tables) {
    ASSIGN_OR_RETURN(const BackfillOutcome outcome,
                     AskBackfill(config.state, {.what = BackfillRequest::What::kVerify, .table = table, .tokens = {}}));
    if (outcome == BackfillOutcome::kLeft) {
      return Error{ErrorCode::kTransient, fmt::format("no pipeline runs on {}; start it with braid run", config.state)};
    }
  }
  std::vector<std::string> differ;
  for (const std::string& table : tables) {
    ASSIGN_OR_RETURN(const Json task, Await(config, table, true, since_us));
    if (!TellVerdict(table, task, arguments.samples)) differ.push_back(table);
  }
  if (arguments.repair && !differ.empty()) {
    TRY(AskAndWait({.config = arguments.config, .tables = differ, .tokens = {}, .key = {}}));
  }
  ASSIGN_OR_RETURN(const bool told, VerifyTold(config, tables, arguments.samples));
  return told && differ.empty();
}

}  // namespace

int RunOnlineBackfill(const OnlineBackfillArguments& arguments) {
  const StopOnSignal while_running;
  const Status asked = AskAndWait(arguments);
  return asked.has_value() ? 0 : FailOrDie(asked.error());
}

int RunVerify(const VerifyArguments& arguments) {
  const StopOnSignal while_running;
  const auto clean = VerifyAll(arguments);
  if (!clean.has_value()) return FailOrDie(clean.error());
  return *clean ? 0 : 1;
}

}  // namespace braid
