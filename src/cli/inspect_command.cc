#include <cstdio>
#include <string_view>

#include "cassandra/schema/dump.h"
#include "cassandra/schema/schema.h"
#include "cassandra/sstable/dump.h"
#include "cli/commands.h"
#include "codec/schema.h"
#include "pipeline/inspect/timeline.h"

namespace braid {
namespace {

void Print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void Warn(std::string_view text) {
  std::fprintf(stderr, "braid: %.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace

int RunInspectCommitLog(const InspectCommitLogOptions& options) {
  const Status status = InspectCommitLog(options, Print, Warn);
  return status.has_value() ? 0 : Fail(status.error());
}

int RunInspectSstable(const std::string& path) {
  const auto print_line = [](std::string_view line) {
    Print(line);
    Print("\n");
  };
  const Status status = DumpSstable(path, {}, print_line);
  return status.has_value() ? 0 : Fail(status.error());
}

int RunInspectSchema(const std::string& data_directory) {
  const auto schema = ReadSchema({data_directory}, ComputeSchemaId);
  if (!schema.has_value()) return Fail(schema.error());
  for (const TableInfo& table : schema->tables()) Print(TableToJson(table) + "\n");
  for (const std::string& warning : schema->warnings()) Warn(warning);
  return 0;
}

int RunInspectTimeline(const std::string& path) {
  const auto print_line = [](std::string_view line) {
    Print(line);
    if (!line.ends_with('\n')) Print("\n");
  };
  const Status status = InspectTimeline(path, print_line, Warn);
  return status.has_value() ? 0 : Fail(status.error());
}

int RunInspectState(const InspectStateOptions& options) {
  const Status status = InspectState(options, Print);
  return status.has_value() ? 0 : Fail(status.error());
}

}  // namespace braid
