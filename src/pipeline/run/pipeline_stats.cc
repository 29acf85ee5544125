// A moment's view of a running pipeline.
#include <fmt/format.h>

#include <algorithm>

#include "base/version.h"
#include "pipeline/run/hosts.h"
#include "pipeline/run/pipeline.h"

namespace braid {
uint64_t DirectoryBytes(FileSystem* files, const std::string& directory) {
  uint64_t bytes = 0;
  const auto names = files->List(directory);
  if (!names.has_value()) return 0;
  for (const std::string& name : *names) {
    const std::string path = fmt::format("{}/{}", directory, name);
    // Files come and go while they are counted.
    const auto info = files->Info(path);
    if (info.has_value()) bytes += info->directory ? DirectoryBytes(files, path) : info->size_bytes;
  }
  return bytes;
}

std::vector<StreamStats> Pipeline::Streams() const {
  const std::vector<const TableSchema*> tables = schemas_->CapturedTables();
  std::vector<StreamStats> streams;
  if (config_.streams.empty()) {
    for (const TableSchema* table : tables) streams.push_back({table->FullName(), {table->FullName()}});
    return streams;
  }
  for (const StreamSpec& spec : config_.streams) {
    StreamStats& stream = streams.emplace_back();
    stream.name = spec.name;
    for (const TableSchema* table : tables) {
      const auto fits = [&](const std::string& pattern) { return FitsPattern(pattern, table->FullName()); };
      if (std::ranges::any_of(spec.tables, fits)) stream.tables.push_back(table->FullName());
    }
  }
  return streams;
}

RunStats Pipeline::Stats() const {
  RunStats stats;
  stats.name = config_.name;
  stats.version = kVersion;
  stats.started_us = started_us_;
  stats.now_us = WallClockUs();
  for (const auto& node : nodes_) {
    NodeStats& told = stats.nodes.emplace_back();
    const std::lock_guard lock(node->mutex);
    told.name = node->files.name;
    told.index = node->index;
    told.host_id = node->host_id;
    told.retired = node->retired;
    told.capture = node->stats;
    told.lag_us = node->stats.watermark.none() ? stats.now_us - started_us_ : stats.now_us - node->stats.watermark.us;
    if (!told.retired && !told.capture.reachable) stats.not_ready = "node " + told.name + " cannot be read";
  }
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    stats.shards.push_back(shard->stats);
    stats.write_to_publish.Merge(shard->latencies);
    stats.disk_used_bytes += shard->stats.state_bytes + shard->stats.timeline.bytes;
  }
  stats.open_gaps = OpenGaps();
  stats.streams = Streams();
  stats.memory_limit_bytes = config_.memory_bytes;
  stats.retention_us = config_.retention_us;
  stats.disk_limit_bytes = config_.disk_bytes;
  if (const auto free_bytes = files_->FreeBytes(config_.state); free_bytes.has_value()) {
    stats.disk_free_bytes = *free_bytes;
  }
  stats.resident_bytes = ResidentBytes();
  stats.alarms = alarms_.List();
  {
    const std::lock_guard lock(mutex_);
    stats.backfills = told_backfills_;
  }
  stats.JudgeReady();
  return stats;
}

}  // namespace braid
