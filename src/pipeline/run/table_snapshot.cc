#include "pipeline/run/table_snapshot.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "cassandra/sstable/directory.h"
#include "pipeline/merge/sstable_source.h"
#include "pipeline/run/excluded.h"

namespace braid {
namespace {

namespace fs = std::filesystem;

// The table's directories in the node's data directories.
Result<std::vector<std::string>> DirectoriesOf(const NodeFiles& node, const TableSchema& table) {
  std::vector<std::string> directories;
  for (const std::string& data : node.data) {
    const std::string keyspace = data + "/" + table.keyspace;
    std::error_code error;
    if (!fs::exists(keyspace, error)) continue;
    ASSIGN_OR_RETURN(const std::vector<TableDirectory> tables, ListTableDirectories(keyspace));
    for (const TableDirectory& directory : tables) {
      if (directory.id == table.table_id) directories.push_back(directory.path);
    }
  }
  if (directories.empty()) {
    return NotFound(fmt::format("node {}: {} has no directory of {} ({}); is its data directory complete and mounted?",
                                node.name, fmt::join(node.data, ", "), table.FullName(), table.table_id.ToString()));
  }
  return directories;
}

// The tables' definitions live as long as their registry.
TableSchemaPtr Borrowed(const TableSchema* schema) {
  return {std::shared_ptr<void>(), schema};
}

}  // namespace

Result<std::unique_ptr<TableSnapshot>> TableSnapshot::Open(const Options& options) {
  std::unique_ptr<TableSnapshot> snapshot(new TableSnapshot());
  for (const NodeFiles& node : options.nodes) {
    const Status opened = snapshot->OpenNode(node, options);
    if (!opened.has_value()) return opened.error().At(fmt::format("node {}", node.name));
  }
  size_t count = 0;
  for (const SstableSet& set : snapshot->sets_) count += set.sstables().size();
  ScanOptions scan = ScanWithin(options.memory_bytes, count);
  scan.tokens = options.tokens;
  scan.excluded = ExcludedColumns(*options.schema, options.exclude);
  std::vector<std::unique_ptr<PieceSource>> sources;
  for (const SstableSet& set : snapshot->sets_) {
    for (const auto& sstable : set.sstables()) {
      ASSIGN_OR_RETURN(auto source, SstableSource::Open(sstable.get(), Borrowed(options.schema), scan));
      sources.push_back(std::move(source));
    }
  }
  ASSIGN_OR_RETURN(snapshot->merge_,
                   TableMerge::Open(std::move(sources), Borrowed(options.schema), {.skip_damage = true}));
  return snapshot;
}

Status TableSnapshot::OpenNode(const NodeFiles& node, const Options& options) {
  ASSIGN_OR_RETURN(const std::vector<std::string> directories, DirectoriesOf(node, *options.schema));
  ASSIGN_OR_RETURN(SstableSet set, SstableSet::Open(directories));
  if (!set.unreadable().empty() && missing_.empty()) {
    missing_ = fmt::format("node {}: {}", node.name, set.unreadable().front().error.message);
  }
  total_bytes_ += set.data_bytes();
  sets_.push_back(std::move(set));
  return {};
}

std::string TableSnapshot::missing() const {
  if (!missing_.empty() || merge_->damage().empty()) return missing_;
  return merge_->damage().front().message;
}

}  // namespace braid
