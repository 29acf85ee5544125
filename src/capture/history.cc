#include "capture/history.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "cassandra/commitlog/file_name.h"

namespace braid {
namespace {

// The ids of the segments in a directory, in order.
Result<std::vector<int64_t>> ListSegments(FileSystem* files, const std::string& directory) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(directory));
  std::vector<int64_t> ids;
  for (const std::string& name : names) {
    const std::optional<SegmentFileName> segment = ParseSegmentFileName(name);
    if (segment.has_value() && !segment->cdc_index) ids.push_back(segment->id.value);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

// "titles-5a1c395eb41f11e59f22ba0be0483c18".
std::string DirectoryName(const TableSchema& table) {
  std::string id = table.table_id.ToString();
  std::erase(id, '-');
  return table.table + "-" + id;
}

Result<bool> HasSstables(FileSystem* files, const std::string& data, const TableSchema& table) {
  TRY(files->Info(data));  // a disk that is away is not an empty one
  const Result<std::vector<std::string>> names = files->List(data + "/" + table.keyspace + "/" + DirectoryName(table));
  if (!names.has_value()) {
    if (names.error().code == ErrorCode::kNotFound) return false;
    return names.error();
  }
  return std::any_of(names->begin(), names->end(), [](const std::string& name) { return name.ends_with("-Data.db"); });
}

}  // namespace

Result<bool> WholeHistoryIsLogged(FileSystem* files, const NodeFiles& node, const TableSchema& table) {
  if (node.commitlog.empty()) return false;
  // Segments before SSTables: one that goes in between was flushed, and is seen there.
  ASSIGN_OR_RETURN(const std::vector<int64_t> kept, ListSegments(files, node.commitlog));
  ASSIGN_OR_RETURN(const std::vector<int64_t> linked, ListSegments(files, node.cdc_raw));
  if (!std::includes(linked.begin(), linked.end(), kept.begin(), kept.end())) return false;
  for (const std::string& data : node.data) {
    ASSIGN_OR_RETURN(const bool flushed, HasSstables(files, data, table));
    if (flushed) return false;
  }
  return !node.data.empty();
}

}  // namespace braid
