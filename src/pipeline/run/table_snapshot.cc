#include "pipeline/run/table_snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/file_system.h"
#include "capture/truncation.h"
#include "cassandra/commitlog/file_name.h"
#include "cassandra/sstable/directory.h"
#include "pipeline/feed/excluded.h"
#include "pipeline/merge/log_source.h"
#include "pipeline/merge/sstable_source.h"

namespace braid {
namespace {

// A disk that is not mounted leaves an empty directory, or none; what is on it must not pass for gone.
Status CheckMounted(const std::string& data) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, PosixFileSystem()->List(data));
  return names.empty() ? Status(NotFound(fmt::format("{} is empty: is it mounted?", data))) : Status();
}

// The table's directories in the node's data directories.
Result<std::vector<std::string>> DirectoriesOf(const NodeFiles& node, const TableSchema& table) {
  std::vector<std::string> directories;
  for (const std::string& data : node.data) {
    TRY(CheckMounted(data));
    const auto tables = ListTableDirectories(fmt::format("{}/{}", data, table.keyspace));
    if (!tables.has_value() && tables.error().code == ErrorCode::kNotFound) continue;
    TRY(tables);
    for (const TableDirectory& directory : *tables) {
      if (directory.id == table.table_id) directories.push_back(directory.path);
    }
  }
  if (directories.empty()) {
    return NotFound(fmt::format("{} has no directory of {} ({}); is the data directory complete and mounted?",
                                fmt::join(node.data, ", "), table.FullName(), table.table_id.ToString()));
  }
  return directories;
}

// The tables' definitions live as long as their registry.
TableSchemaPtr Borrowed(const TableSchema* schema) {
  return {std::shared_ptr<void>(), schema};
}

// Where the node's log was cut for the table last; no place if it never was.
Result<Position> TruncatedAt(const NodeFiles& node, const TableId& table) {
  Position at;
  ASSIGN_OR_RETURN(const auto truncations, ReadTruncationsOnDisk(node.data, {}));
  for (const Truncation& truncation : truncations) {
    if (truncation.table == table) at = std::max(at, truncation.cut);
  }
  return at;
}

// The node's segments, open. Some may go while they are listed: those have been flushed.
Result<std::vector<std::unique_ptr<ByteSource>>> OpenSegments(const std::string& directory, SegmentId captured) {
  FileSystem* files = PosixFileSystem();
  std::vector<std::unique_ptr<ByteSource>> segments;
  bool is_copy = true;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(directory));
  for (const std::string& name : names) {
    const auto parsed = ParseSegmentFileName(name);
    if (!parsed.has_value() || parsed->cdc_index) continue;
    is_copy = is_copy && parsed->id < captured;
    auto opened = files->OpenForRead(fmt::format("{}/{}", directory, name));
    if (opened.has_value()) {
      segments.push_back(*std::move(opened));
    } else if (opened.error().code != ErrorCode::kNotFound) {
      return opened.error();
    }
  }
  if (is_copy) {
    return NotFound(
        fmt::format("{} has no segment as new as what was captured ({}): is it mounted, and the node's own?", directory,
                    captured.value));
  }
  return segments;
}

}  // namespace

Result<std::unique_ptr<TableSnapshot>> TableSnapshot::Open(const Options& options) {
  std::unique_ptr<TableSnapshot> snapshot(new TableSnapshot());
  size_t count = 0;
  for (size_t i = 0; i < options.nodes.size(); ++i) {
    if (options.stop && options.stop()) return Error{ErrorCode::kTransient, "interrupted while files were opened"};
    auto opened = OpenNode(options, i);
    if (!opened.has_value()) return opened.error().At(fmt::format("node {}", options.nodes[i].name));
    count += opened->sstables.sstables().size();
    snapshot->total_bytes_ += opened->sstables.data_bytes();
    snapshot->nodes_.push_back(*std::move(opened));
  }
  ScanOptions scan = ScanWithin(options.memory_bytes / 2, count);
  scan.tokens = options.tokens;
  scan.excluded = ExcludedColumns(*options.schema, options.exclude);
  for (size_t i = 0; i < options.nodes.size(); ++i) {
    const std::string& name = options.nodes[i].name;
    const Node& node = snapshot->nodes_[i];
    for (const UnreadableSstable& unreadable : node.sstables.unreadable()) {
      snapshot->NoteMissing(name, unreadable.error.message);
    }
    TRY(snapshot->AddSstables(node, scan, options));
    TRY(snapshot->AddLogs(options.nodes[i], node, options));
  }
  ASSIGN_OR_RETURN(snapshot->merge_,
                   TableMerge::Open(std::move(snapshot->sources_), Borrowed(options.schema), {.skip_damage = true}));
  return snapshot;
}

// The logs first: what is flushed in between is in both.
Result<TableSnapshot::Node> TableSnapshot::OpenNode(const Options& options, size_t number) {
  const NodeFiles& node = options.nodes[number];
  Node opened;
  ASSIGN_OR_RETURN(opened.segments, OpenSegments(node.commitlog, options.captured[number]));
  ASSIGN_OR_RETURN(const std::vector<std::string> directories, DirectoriesOf(node, *options.schema));
  const auto pause = [&](int64_t ms) {
    if (!options.stop || !options.stop()) std::this_thread::sleep_for(std::chrono::milliseconds(ms));
  };
  ASSIGN_OR_RETURN(opened.sstables, SstableSet::Open(directories, {.pause = pause, .listed = {}}));
  return opened;
}

Status TableSnapshot::AddSstables(const Node& node, const ScanOptions& scan, const Options& options) {
  for (const auto& sstable : node.sstables.sstables()) {
    ASSIGN_OR_RETURN(auto source, SstableSource::Open(sstable.get(), Borrowed(options.schema), scan));
    sources_.push_back(std::move(source));
  }
  return {};
}

Status TableSnapshot::AddLogs(const NodeFiles& files, const Node& node, const Options& options) {
  ASSIGN_OR_RETURN(const Position truncated, TruncatedAt(files, options.schema->table_id));
  LogSourceOptions log{.tokens = options.tokens,
                       .excluded = ExcludedColumns(*options.schema, options.exclude),
                       .live = options.unsynced,
                       .after = truncated,
                       .sorting = {},
                       .stop = options.stop};
  log.sorting.memory_bytes = options.memory_bytes / 2 / options.nodes.size();
  log.sorting.directory = options.directory;
  LogSourceReport report;
  ASSIGN_OR_RETURN(auto source, ReadLogSource(fmt::format("the commit log of {}", files.name), node.segments,
                                              *options.tables, Borrowed(options.schema), log, &report));
  for (const std::string& damage : report.damage) NoteMissing(files.name, damage);
  sources_.push_back(std::move(source));
  return {};
}

void TableSnapshot::NoteMissing(const std::string& node, const std::string& what) {
  if (missing_.empty()) missing_ = fmt::format("node {}: {}", node, what);
}

std::string TableSnapshot::missing() const {
  if (!missing_.empty() || merge_->damage().empty()) return missing_;
  return merge_->damage().front().message;
}

}  // namespace braid
