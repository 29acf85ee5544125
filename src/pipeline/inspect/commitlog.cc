#include "pipeline/inspect/commitlog.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <vector>

#include "base/byte_source.h"
#include "cassandra/commitlog/dump.h"
#include "cassandra/commitlog/file_name.h"
#include "cassandra/schema/schema.h"
#include "codec/schema.h"
#include "pipeline/offline/node_home.h"
#include "pipeline/replay/logs.h"

namespace braid {
namespace {

namespace fs = std::filesystem;

using Sources = std::vector<std::unique_ptr<ByteSource>>;

Result<Sources> OpenSegments(const std::string& path) {
  std::vector<std::string> paths;
  if (fs::is_directory(path)) {
    ASSIGN_OR_RETURN(const std::vector<SegmentFile> segments, ListSegments(path));
    for (const SegmentFile& segment : segments) paths.push_back(segment.path);
    if (paths.empty()) return NotFound(fmt::format("{}: there is no CommitLog-*.log in it", path));
  } else {
    paths.push_back(path);
  }
  Sources sources;
  for (const std::string& each : paths) {
    ASSIGN_OR_RETURN(auto source, OpenFile(each));
    sources.push_back(std::move(source));
  }
  return sources;
}

Status Count(const std::vector<const ByteSource*>& segments, const TableLookup& tables, const DumpOptions& dump,
             int repeat, const std::function<void(std::string_view)>& print) {
  MutationDecoder decoder(&tables);
  DumpCounts counts;
  double best = 0;
  for (int pass = 0; pass < repeat; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    ASSIGN_OR_RETURN(counts, CountCommitLogs(segments, dump, &decoder));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = pass == 0 ? seconds.count() : std::min(best, seconds.count());
  }
  print(fmt::format("{{\"mutations\":{},\"cells\":{},\"bytes\":{},\"seconds\":{:.6f}}}\n", counts.mutations,
                    counts.cells, counts.bytes, best));
  return {};
}

}  // namespace

Status InspectCommitLog(const InspectCommitLogOptions& options, const std::function<void(std::string_view)>& print,
                        const std::function<void(std::string_view)>& warn) {
  ASSIGN_OR_RETURN(const Sources sources, OpenSegments(options.path));
  ASSIGN_OR_RETURN(const ClusterSchema schema, ReadSchema({options.schema_directory}, ComputeSchemaId));
  const SchemaTables tables(&schema);
  std::vector<const ByteSource*> segments;
  for (const auto& source : sources) segments.push_back(source.get());

  DumpOptions dump;
  dump.table = options.table;
  std::set<TableId> unread;
  dump.on_problem = [&warn, &unread](const LogProblem& problem) {
    if (problem.kind == LogProblem::Kind::kCorrupt) return false;
    // A table that is unknown once is unknown in every mutation: one warning is enough.
    const bool again = problem.unread != nullptr && !unread.insert(problem.unread->table).second;
    if (!again) warn(problem.message);
    return true;
  };
  if (options.count) return Count(segments, tables, dump, options.repeat, print);
  const auto dumped = DumpCommitLogs(segments, tables, dump, print);
  if (!dumped.has_value()) return dumped.error();
  return {};
}

}  // namespace braid
