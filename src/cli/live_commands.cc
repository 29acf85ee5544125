// The commands of a live pipeline: run, read, status, validate, retire.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "cassandra/schema/schema.h"
#include "cli/commands.h"
#include "cli/serve.h"
#include "cli/terminal.h"
#include "cli/time_argument.h"
#include "codec/schema.h"
#include "control/config.h"
#include "control/status.h"
#include "pipeline/kafka/retire.h"
#include "pipeline/read/read_stream.h"
#include "pipeline/run/pipeline.h"
#include "pipeline/run/retire.h"
#include "pipeline/whole/whole.h"

namespace braid {
namespace {

// All of `lines` to standard output.
Status WriteOut(std::string_view lines) {
  while (!lines.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, lines.data(), lines.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return IoError(fmt::format("standard output: {}", std::strerror(errno)));
    lines.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<ReadFrom> ParseFrom(const std::string& text) {
  const auto time = ParseTimeArgument(text);
  if (!time.has_value()) return ParseReadFrom(text);
  ReadFrom from;
  from.kind = ReadFrom::Kind::kTime;
  from.time_us = time->s * 1'000'000;
  return from;
}

// What a configuration says of tables, held against those that the nodes define now.
struct SchemaFindings {
  size_t tables = 0;
  std::vector<std::string> mistakes;
  // What may be meant for a table or a column that is still to come, or be misspelt.
  std::vector<std::string> notices;
};

void CheckExcluded(const std::string& path, const ClusterSchema& schema, SchemaFindings* findings) {
  const size_t dot = path.find('.', path.find('.') + 1);
  const std::string table_name = path.substr(0, dot);
  const std::string column_name = path.substr(dot + 1);
  const auto info = std::ranges::find_if(schema.tables(), [&](const TableInfo& each) {
    return each.schema != nullptr && each.schema->FullName() == table_name;
  });
  if (info == schema.tables().end()) {
    findings->notices.push_back(fmt::format("exclude: {}: there is no table {} now", path, table_name));
    return;
  }
  const Column* const column = info->schema->FindColumn(column_name);
  if (column == nullptr) {
    findings->notices.push_back(fmt::format("exclude: {}: {} has no column {} now; names are as CQL stores them", path,
                                            table_name, column_name));
  } else if (column->kind != ColumnKind::kStatic && column->kind != ColumnKind::kRegular) {
    findings->mistakes.push_back(
        fmt::format("exclude: {} is a key column, without which a row cannot be told from others", path));
  }
}

void CheckStream(const StreamSpec& stream, const std::vector<TableSchemaPtr>& captured, SchemaFindings* findings) {
  for (const std::string& pattern : stream.tables) {
    bool fits = false;
    for (const TableSchemaPtr& table : captured) fits = fits || FitsPattern(pattern, table->FullName());
    if (fits) continue;
    findings->notices.push_back(fmt::format("stream {}: no captured table fits {} now", stream.name, pattern));
  }
  for (const TableSchemaPtr& table : captured) {
    bool fits = false;
    for (const std::string& pattern : stream.tables) fits = fits || FitsPattern(pattern, table->FullName());
    if (!fits) continue;
    const auto shape = StreamShape::Make(stream, *table);
    if (!shape.has_value()) findings->mistakes.push_back(shape.error().message);
  }
}

// Without nodes (a worker's configuration) there is nothing to compare with.
Result<SchemaFindings> CheckAgainstSchema(const Config& config) {
  if (config.nodes.empty()) return SchemaFindings();
  std::vector<std::string> directories;
  for (const NodeFiles& node : config.nodes) {
    directories.insert(directories.end(), node.data.begin(), node.data.end());
  }
  ASSIGN_OR_RETURN(const ClusterSchema schema, ReadSchema(directories, ComputeSchemaId));
  const std::vector<TableSchemaPtr> captured = schema.CdcTables();
  SchemaFindings findings;
  findings.tables = captured.size();
  for (const std::string& column : config.exclude) CheckExcluded(column, schema, &findings);
  for (const StreamSpec& stream : config.streams) CheckStream(stream, captured, &findings);
  return findings;
}

// A pipeline of either kind: `how` it runs, for the log.
template <typename Kind>
Result<Service> OpenPipeline(const Config& config, std::string_view how, ServiceLog log) {
  ASSIGN_OR_RETURN(auto opened, Kind::Open(config, std::move(log)));
  const std::shared_ptr<Kind> pipeline = std::move(opened);
  Service service;
  service.started = fmt::format("pipeline {} runs{}: {}, {}, state in {}", config.name, how,
                                Plural(config.nodes.size(), "node"), Plural(config.shards, "shard"), config.state);
  service.stats = [pipeline] { return pipeline->Stats(); };
  service.run = [pipeline](std::function<bool()> stop) { return pipeline->Run(std::move(stop)); };
  return service;
}

}  // namespace

int RunPipeline(const std::string& config_path) {
  return Serve(config_path, ConfigUse::kRun, [](const Config& config, ServiceLog log) -> Result<Service> {
    return config.kafka.has_value() ? OpenPipeline<Whole>(config, ", on Kafka", std::move(log))
                                    : OpenPipeline<Pipeline>(config, "", std::move(log));
  });
}

int RunRead(const ReadArguments& arguments) {
  const auto config = ReadConfig(arguments.config, ConfigUse::kRead);
  if (!config.has_value()) return Fail(config.error());
  const auto from = ParseFrom(arguments.from);
  if (!from.has_value()) return Fail(from.error());
  StopOnSignals();
  const auto position = ReadStream(*config, {.stream = arguments.stream,
                                             .from = *from,
                                             .follow = arguments.follow,
                                             .write = WriteOut,
                                             .flush = {},
                                             .stop = StopAsked});
  if (!position.has_value()) return Fail(position.error());
  fmt::print(stderr, "braid: read up to here; go on with --from {}\n", *position);
  return 0;
}

int RunStatus(const std::string& config_path, bool json) {
  const auto config = ReadConfig(config_path, ConfigUse::kAsk);
  if (!config.has_value()) return Fail(config.error());
  const auto status = FetchStatus(*config);
  if (!status.has_value()) return Fail(status.error());
  const auto text = json ? Result<std::string>(*status) : RenderStatus(*status);
  if (!text.has_value()) return Fail(text.error());
  const Status written = WriteOut(*text);
  return written.has_value() ? 0 : Fail(written.error());
}

int RunValidate(const std::string& config_path) {
  const auto config = ReadConfig(config_path, ConfigUse::kValidate);
  if (!config.has_value()) return Fail(config.error());
  const auto findings = CheckAgainstSchema(*config);
  if (!findings.has_value()) return Fail(findings.error());
  for (const std::string& notice : findings->notices) {
    fmt::print(stderr, "braid: {}: {}; is it misspelt, or still to come?\n", config_path, notice);
  }
  if (!findings->mistakes.empty()) return Fail(InvalidArgument(fmt::format("{}", fmt::join(findings->mistakes, "\n"))));
  fmt::print("{} is good: {}, {}, {}\n", config_path, Plural(config->nodes.size(), "node"),
             Plural(findings->tables, "captured table"),
             config->streams.empty() ? std::string("each of them a stream") : Plural(config->streams.size(), "stream"));
  return 0;
}

int RunRetire(const std::string& config_path, const std::string& node) {
  auto config = ReadConfig(config_path, ConfigUse::kAsk);
  if (!config.has_value()) return Fail(config.error());
  if (config->kafka.has_value()) {
    // With the secrets that the brokers want.
    config = ReadConfig(config_path, ConfigUse::kReconcile);
    if (!config.has_value()) return Fail(config.error());
    const Status retired = RetireOnKafka(*config, node);
    if (!retired.has_value()) return Fail(retired.error());
    fmt::print(
        "the workers let node {} go when they come to it; stop its agent, and take it out of every configuration\n",
        node);
    return 0;
  }
  const auto outcome = RetireNode(config->state, node);
  if (!outcome.has_value()) return Fail(outcome.error());
  fmt::print("{}; take it out of {}\n",
             *outcome == RetireOutcome::kDone ? "node " + node + " is retired"
                                              : "the running pipeline lets node " + node + " go within seconds",
             config_path);
  return 0;
}

}  // namespace braid
