// `braid`: the words of the command line. What they do is in the commands' own files.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <map>

#include "base/version.h"
#include "cli/commands.h"
#include "cli/time_argument.h"

namespace braid {
namespace {

const std::map<std::string, OnCorruption> kCorruptionWords = {{"stop", OnCorruption::kStop},
                                                              {"skip", OnCorruption::kSkip}};

std::string CheckTime(const std::string& text) {
  const auto time = ParseTimeArgument(text);
  return time.has_value() ? "" : time.error().message;
}

std::string CheckTable(const std::string& text) {
  const size_t dot = text.find('.');
  const bool good = dot != std::string::npos && dot > 0 && dot + 1 < text.size();
  return good ? "" : "'" + text + "' is not a table; give it as KEYSPACE.TABLE";
}

// Turns a size such as "64MiB" into its number of bytes, in place. Gives what is wrong with it, or "".
std::string TakeMemory(std::string& text) {
  constexpr uint64_t kLeastBytes = 1 << 20;
  const uint64_t most_bytes = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  std::string cure =
      fmt::format("'{}' is not a size from 1MiB to what this machine has, {}MiB", text, most_bytes >> 20);
  if (text.empty() || text[0] < '0' || text[0] > '9') return cure;
  try {
    if (!CLI::AsSizeValue(false)(text).empty()) return cure;
  } catch (const CLI::ValidationError&) {
    return cure + "; units are KiB, MiB, GiB";
  }
  uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  const bool good = error == std::errc() && end == text.data() + text.size();
  return good && bytes >= kLeastBytes && bytes <= most_bytes ? "" : cure;
}

// Turns the word into the number that stands for it, in place. Gives what is wrong with it, or "".
std::string TakeOnCorruption(std::string& word) {
  const auto found = kCorruptionWords.find(word);
  if (found == kCorruptionWords.end()) return fmt::format("'{}' is neither stop nor skip", word);
  word = std::to_string(static_cast<int>(found->second));
  return "";
}

void AddNodes(CLI::App* command, std::vector<std::string>* nodes) {
  command
      ->add_option("--node", *nodes, "A node's name and directory (which holds cdc_raw/ and data/); once for each node")
      ->type_name("NAME=HOME")
      ->required()
      ->allow_extra_args(false);
}

void AddOnCorruption(CLI::App* command, OnCorruption* on_corruption) {
  command
      ->add_option("--on-corruption", *on_corruption,
                   "At bytes that cannot be read: stop with an error (the default), or skip, report and go on")
      ->transform(CLI::Validator(TakeOnCorruption, ""))
      ->type_name("stop|skip");
}

CLI::Option* AddNow(CLI::App* command, std::string* now) {
  return command->add_option("--now", *now, "Let TTLs run out until this time, e.g. 2026-11-21T07:40:51Z")
      ->type_name("TIME")
      ->check(CheckTime);
}

// One line for each mistake: what is wrong, and where help is.
std::string FailureMessage(const CLI::App* app, const CLI::Error& error) {
  const CLI::App* used = app;
  while (!used->get_subcommands().empty()) used = used->get_subcommands().front();
  std::string command;
  for (const CLI::App* each = used; each != nullptr; each = each->get_parent()) {
    command = fmt::format("{}{}{}", each->get_name(), command.empty() ? "" : " ", command);
  }
  const std::vector<std::string> surplus = used->remaining();
  const bool no_such_command = used->get_require_subcommand_min() > 0 && !surplus.empty();
  return fmt::format("braid: {}; {} --help says what there is\n",
                     no_such_command ? fmt::format("there is no command '{}'", surplus.front()) : error.what(),
                     command);
}

UnixSeconds WallClock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::seconds>(now).count()};
}

std::optional<UnixSeconds> TimeOrNone(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return *ParseTimeArgument(text);
}

// What replay and backfill say alike.
template <typename Options>
void AddOutput(CLI::App* command, Options* options) {
  command->add_option("--out", options->out, "Directory for KEYSPACE.TABLE.ndjson, one event a line")
      ->type_name("DIR")
      ->required();
  command->add_option("--name", options->name, "The pipeline's name in the events (default braid)")->type_name("NAME");
  AddOnCorruption(command, &options->on_corruption);
}

CLI::Option* AddTables(CLI::App* command, std::vector<std::string>* tables) {
  return command->add_option("--table", *tables, "Only this table; may be given again (default: every cdc table)")
      ->type_name("KEYSPACE.TABLE")
      ->check(CheckTable)
      ->allow_extra_args(false);
}

void AddMemory(CLI::App* command, uint64_t* bytes, const char* help) {
  command->add_option("--memory", *bytes, help)->type_name("SIZE")->transform(CLI::Validator(TakeMemory, ""));
}

void AddReplay(CLI::App* app, std::function<int()>* run) {
  struct Words {
    ReplayOptions options;
    std::string now;
  };
  auto words = std::make_shared<Words>();
  CLI::App* replay = app->add_subcommand("replay", "Turn the nodes' commit logs into one stream per table, offline");
  AddNodes(replay, &words->options.nodes);
  AddOutput(replay, &words->options);
  AddTables(replay, &words->options.tables);
  AddNow(replay, &words->now);
  replay->add_flag("--partial", words->options.partial,
                   "The logs are not the tables' whole history: say of each row what is not known");
  AddMemory(replay, &words->options.memory_bytes, "Memory to use before spilling to disk (default 1GiB)");
  replay->callback([words, run] {
    *run = [words] {
      words->options.now = TimeOrNone(words->now);
      return RunReplay(std::move(words->options));
    };
  });
}

// Of words that do not go together.
int FailWords(const std::string& what) {
  return Fail(InvalidArgument(what + "; braid backfill --help says what there is"));
}

// Turns "AFTER:THROUGH" into a range of tokens. Gives what is wrong with it, or "".
std::string TakeTokens(const std::string& text, TokenRange* tokens) {
  const size_t colon = text.find(':');
  const auto number = [](std::string_view part, int64_t* to) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), *to);
    return error == std::errc() && end == part.data() + part.size();
  };
  const bool good =
      colon != std::string::npos && number(std::string_view(text).substr(0, colon), &tokens->after.value) &&
      number(std::string_view(text).substr(colon + 1), &tokens->through.value) && tokens->after < tokens->through;
  if (good) return "";
  return "'" + text + "' is no range of tokens; give AFTER:THROUGH, the smaller first, such as -4611686018427387904:0";
}

// The words of `backfill` for a pipeline that runs.
void AddOnlineBackfill(CLI::App* backfill, OnlineBackfillArguments* online) {
  using What = BackfillRequest::What;
  CLI::Option* config =
      backfill
          ->add_option("--config", online->config,
                       "Ask the pipeline of this configuration to take the tables in, beside its live "
                       "streams, rather than write files")
          ->type_name("FILE");
  for (const char* name :
       {"--node", "--out", "--name", "--on-corruption", "--now", "--snapshot", "--backups", "--memory"}) {
    config->excludes(name);
  }
  CLI::Option* range = backfill->add_option_function<std::string>(
      "--token-range", [online](const std::string& text) { TakeTokens(text, &online->tokens); },
      "With --config: only this part of the ring");
  range->type_name("AFTER:THROUGH")
      ->check([](const std::string& text) {
        TokenRange tokens;
        return TakeTokens(text, &tokens);
      })
      ->needs(config);
  CLI::Option* key = backfill->add_option(
      "--key", online->key,
      "With --config: only this partition; its key's values as in CQL, with commas between, e.g. 842 or \"'abc', 7\"");
  key->type_name("KEY")->needs(config)->excludes(range);
  const auto add_word = [&](const char* name, What what, const char* help) {
    return backfill
        ->add_flag_callback(
            name, [online, what] { online->what = what; }, help)
        ->needs(config);
  };
  CLI::Option* pause = add_word("--pause", What::kPause, "With --config: hold the tables' backfills where they are");
  CLI::Option* resume = add_word("--resume", What::kResume, "With --config: go on with those");
  CLI::Option* cancel = add_word("--cancel", What::kCancel, "With --config: give them up");
  pause->excludes(resume, cancel);
  resume->excludes(cancel);
  for (CLI::Option* word : {pause, resume, cancel}) word->excludes(key, range);
  backfill
      ->add_flag_callback(
          "--no-wait", [online] { online->wait = false; }, "With --config: do not wait for the end")
      ->needs(config);
}

void AddBackfill(CLI::App* app, std::function<int()>* run) {
  struct Words {
    BackfillOptions options;
    std::string now;
    OnlineBackfillArguments online;
  };
  auto words = std::make_shared<Words>();
  CLI::App* backfill = app->add_subcommand(
      "backfill", "Turn the nodes' SSTables into one event for each live row: into files, or into running streams");
  AddNodes(backfill, &words->options.nodes);
  AddOutput(backfill, &words->options);
  AddTables(backfill, &words->options.tables);
  AddNow(backfill, &words->now)
      ->description("What has expired by then is gone, e.g. 2026-11-21T07:40:51Z (default: now)");
  backfill->add_option("--snapshot", words->options.files.snapshot, "Read this snapshot rather than the files in force")
      ->type_name("TAG");
  backfill->add_flag("--backups", words->options.files.backups, "Read the incremental backups, too");
  AddMemory(backfill, &words->options.memory_bytes, "Memory to use, about (default 256MiB)");
  for (const char* name : {"--node", "--out"}) backfill->get_option(name)->required(false);
  backfill->get_option("--node")->description(
      "A node's name and directory (of which data/ is read); once for each node");
  backfill->get_option("--table")->description(
      "Only this table; may be given again (default: every cdc table; with --config it must be given)");
  AddOnlineBackfill(backfill, &words->online);
  backfill->callback([backfill, words, run] {
    if (backfill->count("--config") > 0) {
      words->online.tables = words->options.tables;
      *run = [words] {
        return words->online.tables.empty() ? FailWords("--config needs --table") : RunOnlineBackfill(words->online);
      };
      return;
    }
    for (const char* name : {"--node", "--out"}) {
      if (backfill->count(name) > 0) continue;
      *run = [name] { return FailWords(fmt::format("{} is required, or --config", name)); };
      return;
    }
    *run = [words] {
      words->options.now = TimeOrNone(words->now).value_or(WallClock());
      return RunBackfill(std::move(words->options));
    };
  });
}

void AddInspect(CLI::App* app, std::function<int()>* run) {
  CLI::App* inspect = app->add_subcommand("inspect", "Show what is in a file, as JSON lines");
  inspect->require_subcommand(1);

  auto commitlog = std::make_shared<InspectCommitLogOptions>();
  CLI::App* logs =
      inspect->add_subcommand("commitlog", "The mutations of a commit-log segment, or a directory of them");
  logs->add_option("path", commitlog->path, "A CommitLog-*.log file or a directory of them")->required();
  logs->add_option("--schema", commitlog->schema_directory, "The node's data/ directory")->type_name("DIR")->required();
  logs->add_option("--table", commitlog->table, "Only this table")->type_name("KEYSPACE.TABLE")->check(CheckTable);
  logs->add_flag("--count", commitlog->count, "Decode every cell, print only how many there are and how long it took");
  logs->add_option("--repeat", commitlog->repeat, "With --count: passes over the files; the best one's time is printed")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  logs->add_option("--format", "The only format is json")->check(CLI::IsMember({"json"}));
  logs->callback([commitlog, run] { *run = [commitlog] { return RunInspectCommitLog(*commitlog); }; });

  auto path = std::make_shared<std::string>();
  CLI::App* sstable = inspect->add_subcommand("sstable", "The partitions and rows of an SSTable");
  sstable->add_option("path", *path, "An SSTable's *-Data.db file")->required();
  sstable->callback([path, run] { *run = [path] { return RunInspectSstable(*path); }; });
  CLI::App* schema = inspect->add_subcommand("schema", "The tables that a node's own files define");
  schema->add_option("path", *path, "The node's data/ directory")->required();
  schema->callback([path, run] { *run = [path] { return RunInspectSchema(*path); }; });
  CLI::App* timeline = inspect->add_subcommand("timeline", "The segments, batches and records of a timeline");
  timeline->add_option("path", *path, "A partition's directory (STATE/timeline/NNN) or one of its segment files")
      ->required();
  timeline->callback([path, run] { *run = [path] { return RunInspectTimeline(*path); }; });
  auto state_options = std::make_shared<InspectStateOptions>();
  CLI::App* state = inspect->add_subcommand("state", "What a shard of a pipeline that does not run remembers");
  state->add_option("path", state_options->path, "The shard's directory (STATE/shards/NNN)")->required();
  state
      ->add_option("--schemas", state_options->schemas,
                   "The pipeline's definitions (STATE/schemas), to show names and values")
      ->type_name("FILE");
  state->callback([state_options, run] { *run = [state_options] { return RunInspectState(*state_options); }; });
}

void AddExplain(CLI::App* app, std::function<int()>* run) {
  struct Words {
    ExplainArguments arguments;
    std::string now;
  };
  auto words = std::make_shared<Words>();
  CLI::App* explain =
      app->add_subcommand("explain", "Show every copy of every write to a row, which cell won, and by which rule");
  explain->add_option("table", words->arguments.table, "KEYSPACE.TABLE")->required()->check(CheckTable);
  explain
      ->add_option("key", words->arguments.key,
                   "The row's key: its values in order with commas between, e.g. 842 or 842,2, or a JSON object as in "
                   "the events, e.g. '{\"id\":842}'. The partition key alone means the whole partition")
      ->required();
  AddNodes(explain, &words->arguments.nodes);
  AddNow(explain, &words->now);
  AddOnCorruption(explain, &words->arguments.on_corruption);
  explain->callback([words, run] {
    *run = [words] {
      words->arguments.now = TimeOrNone(words->now);
      return RunExplain(words->arguments);
    };
  });
}

void AddConfig(CLI::App* command, std::string* path) {
  command->add_option("--config", *path, "The pipeline's configuration (docs/configuration.md)")
      ->type_name("FILE")
      ->required();
}

void AddRead(CLI::App* app, std::function<int()>* run) {
  auto arguments = std::make_shared<ReadArguments>();
  CLI::App* read = app->add_subcommand("read", "Print the events of a stream, from any place in it, a line each");
  read->add_option("stream", arguments->stream, "The stream's name; KEYSPACE.TABLE where none is configured")
      ->required();
  AddConfig(read, &arguments->config);
  read->add_option(
          "--from", arguments->from,
          "earliest (the default), latest, a time such as 2026-11-21T07:40:51Z, an event's sequence (in Kafka it is "
          "looked for from the beginning of its partition, so use it where a time will not do), or the position "
          "that an earlier read printed at its end")
      ->type_name("PLACE");
  read->add_flag("--follow", arguments->follow, "Go on with what is published from now on, until interrupted");
  read->add_option("--format", "The only format is json")->check(CLI::IsMember({"json"}));
  read->callback([arguments, run] { *run = [arguments] { return RunRead(*arguments); }; });
}

void AddLive(CLI::App* app, std::function<int()>* run) {
  auto config = std::make_shared<std::string>();
  CLI::App* live = app->add_subcommand("run", "Follow a live cluster and keep its streams, until stopped");
  AddConfig(live, config.get());
  live->callback([config, run] { *run = [config] { return RunPipeline(*config); }; });

  CLI::App* reconcile =
      app->add_subcommand("reconcile", "Make streams in Kafka of what agents sent there, until stopped");
  AddConfig(reconcile, config.get());
  reconcile->callback([config, run] { *run = [config] { return RunReconcile(*config); }; });

  AddRead(app, run);

  auto json = std::make_shared<bool>(false);
  CLI::App* status = app->add_subcommand("status", "Show how a running pipeline fares");
  AddConfig(status, config.get());
  status->add_flag("--json", *json, "As the pipeline tells it");
  status->callback([config, json, run] { *run = [config, json] { return RunStatus(*config, *json); }; });

  CLI::App* validate = app->add_subcommand("validate", "Check a configuration: every mistake, with its line");
  AddConfig(validate, config.get());
  validate->callback([config, run] { *run = [config] { return RunValidate(*config); }; });

  auto verify = std::make_shared<VerifyArguments>();
  CLI::App* check = app->add_subcommand(
      "verify",
      "Hold what a running pipeline knows of its tables against what the nodes have, and its streams against that");
  AddConfig(check, &verify->config);
  AddTables(check, &verify->tables);
  check->add_flag("--show", verify->samples, "Print the first of what differs, as JSON lines");
  check->add_flag("--repair", verify->repair, "Backfill the tables that differ from what the nodes have");
  check->callback([verify, run] { *run = [verify] { return RunVerify(*verify); }; });

  auto node = std::make_shared<std::string>();
  CLI::App* retire = app->add_subcommand("retire", "Let a node go that will not come back");
  retire->add_option("node", *node, "Its name in the configuration, or its host id")->required();
  AddConfig(retire, config.get());
  retire->callback([config, node, run] { *run = [config, node] { return RunRetire(*config, *node); }; });
}

void AddCapture(CLI::App* app, std::function<int()>* run) {
  auto arguments = std::make_shared<CaptureArguments>();
  CLI::App* capture =
      app->add_subcommand("capture", "Put what a node logs into the pipeline's topic in Kafka, until stopped");
  AddConfig(capture, &arguments->config);
  capture
      ->add_option("--node", arguments->nodes,
                   "A node's name in the configuration; may be given again (default: all whose directories are here)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  capture->callback([arguments, run] { *run = [arguments] { return RunCapture(*arguments); }; });
}

int Main(int argc, char** argv) {
  // A file that may not grow is then an error like any other, which says so and cleans up.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App app("Braid turns what the replicas of a database log into one stream of changes per table.", "braid");
  app.set_version_flag("--version", std::string("braid ") + kVersion);
  app.require_subcommand(1);
  app.failure_message(FailureMessage);
  std::function<int()> run;
  AddReplay(&app, &run);
  AddBackfill(&app, &run);
  AddInspect(&app, &run);
  AddExplain(&app, &run);
  AddLive(&app, &run);
  AddCapture(&app, &run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  return run();
}

}  // namespace
}  // namespace braid

// Read by jemalloc when the process starts (the environment's MALLOC_CONF is read after it, and wins). By itself it has
// four arenas for each core, and keeps what was freed for ten seconds: an agent of 33 MiB then takes 54.
extern "C" {
extern const char* const malloc_conf;
const char* const malloc_conf = "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0";
}

// Libraries may throw where memory runs out; none of ours does.
int main(int argc, char** argv) try { return braid::Main(argc, argv); } catch (const std::exception& error) {
  std::fprintf(stderr, "braid: %s\n", error.what());
  return 1;
}
