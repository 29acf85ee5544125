#include "pipeline/offline/node_home.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cassandra/commitlog/file_name.h"

namespace braid {
namespace {

namespace fs = std::filesystem;

Result<NodeHome> OpenNodeHome(const std::string& argument) {
  const size_t equals = argument.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == argument.size()) {
    return InvalidArgument(
        fmt::format("--node {}: give it as NAME=HOME, for example --node n1=/var/lib/cassandra", argument));
  }
  NodeHome home;
  home.name = argument.substr(0, equals);
  home.path = argument.substr(equals + 1);
  while (home.path.size() > 1 && home.path.back() == '/') home.path.pop_back();
  if (!fs::is_directory(home.path)) {
    return NotFound(fmt::format("node {}: {} is not a directory", home.name, home.path));
  }
  return home;
}

}  // namespace

Result<std::vector<SegmentFile>> ListSegments(const std::string& directory) {
  std::vector<SegmentFile> segments;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    const auto parsed = ParseSegmentFileName(entry->path().filename().string());
    if (!parsed.has_value() || parsed->cdc_index) continue;
    std::error_code size_error;
    const uint64_t size = entry->file_size(size_error);
    if (size_error) return IoError(fmt::format("{}: {}", entry->path().string(), size_error.message()));
    segments.push_back({entry->path().string(), parsed->id, size});
  }
  if (error) return IoError(fmt::format("{}: cannot list: {}", directory, error.message()));
  std::sort(segments.begin(), segments.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return segments;
}

Result<std::vector<NodeHome>> OpenNodeHomes(const std::vector<std::string>& arguments) {
  std::vector<NodeHome> homes;
  for (const std::string& argument : arguments) {
    ASSIGN_OR_RETURN(NodeHome home, OpenNodeHome(argument));
    homes.push_back(std::move(home));
  }
  std::sort(homes.begin(), homes.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (size_t i = 1; i < homes.size(); ++i) {
    if (homes[i].name == homes[i - 1].name) {
      return InvalidArgument(fmt::format("two nodes are called {}; give each a name of its own", homes[i].name));
    }
  }
  return homes;
}

Status FindLogs(std::vector<NodeHome>* homes) {
  for (NodeHome& home : *homes) {
    const std::string cdc_raw = home.path + "/cdc_raw";
    if (!fs::is_directory(cdc_raw)) {
      return NotFound(
          fmt::format("node {}: {} is not there; a node's home holds cdc_raw/ (its captured commit log) and "
                      "data/ (its schema)",
                      home.name, cdc_raw));
    }
    ASSIGN_OR_RETURN(home.segments, ListSegments(cdc_raw));
  }
  return {};
}

}  // namespace braid
