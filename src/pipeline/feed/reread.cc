#include "pipeline/feed/reread.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cassandra/commitlog/file_name.h"
#include "cassandra/commitlog/walk.h"
#include "pipeline/feed/excluded.h"

namespace braid {
namespace {

// The segments from one to the other, by id: of cdc_raw or, where they are gone from there, of the commitlog directory.
std::map<SegmentId, std::string> SegmentsBetween(FileSystem* files, const Reread& what) {
  std::map<SegmentId, std::string> paths;
  for (const std::string& directory : {what.files.cdc_raw, what.files.commitlog}) {
    const auto names = directory.empty() ? Result<std::vector<std::string>>() : files->List(directory);
    if (!names.has_value()) continue;
    for (const std::string& name : *names) {
      const auto parsed = ParseSegmentFileName(name);
      if (!parsed.has_value() || parsed->cdc_index) continue;
      if (parsed->id < what.after.segment || parsed->id > what.until.segment) continue;
      paths.try_emplace(parsed->id, fmt::format("{}/{}", directory, name));
    }
  }
  return paths;
}

MutationOptions OptionsOf(const Reread& what) {
  MutationOptions options;
  options.wanted = [&what](const TableSchema& schema) { return schema.table_id == what.table; };
  options.excluded = [&what](const TableSchema& schema) { return ExcludedColumns(schema, what.exclude); };
  return options;
}

}  // namespace

Result<bool> ReadAgain(FileSystem* files, const SchemaRegistry& schemas, const Reread& what,
                       const std::function<Status(const Transaction&)>& give) {
  const auto paths = SegmentsBetween(files, what);
  bool whole = paths.contains(what.until.segment);
  MutationDecoder decoder(&schemas, OptionsOf(what));
  for (const auto& [id, path] : paths) {
    // A segment may go while it is looked for.
    const auto source = files->OpenForRead(path);
    if (!source.has_value()) {
      whole = false;
      continue;
    }
    Status given;
    LogVisitor visitor;
    visitor.on_mutation = [&](const DecodedMutation& decoded, ByteView) {
      const Position& position = decoded.transaction.position;
      const bool wanted = position > what.after && position <= what.until && !decoded.transaction.mutations.empty();
      if (wanted && given.has_value()) given = give(decoded.transaction);
    };
    // What other tables' mutations hold does not matter here; what could not be read was told when it was read first.
    visitor.on_problem = [](const LogProblem&) { return true; };
    SegmentOptions options;
    if (id == what.until.segment) options.limit = what.until.offset;
    const Status walked = WalkSegment(**source, what.until.node, options, &decoder, visitor);
    TRY(given);
    whole = whole && walked.has_value();
  }
  return whole;
}

}  // namespace braid
