#include <nlohmann/json.hpp>

#include "control/status.h"
#include "control/words.h"

namespace braid {
namespace {

using Json = nlohmann::ordered_json;

// Null for "none".
Json TimeOrNull(WriteTime time) {
  return time.none() ? Json() : Json(time.us);
}

Json PositionJson(const Position& position) {
  if (position.none()) return {};
  Json json = {{"segment", position.segment.value}};
  // The end of a segment that was read whole is no number.
  if (position.offset == kSegmentEnd) {
    json["offset"] = nullptr;
  } else {
    json["offset"] = position.offset;
  }
  return json;
}

Json NodeJson(const NodeStats& node) {
  const NodeCapture::Stats& capture = node.capture;
  Json json = {{"name", node.name},
               {"host_id", node.host_id},
               {"retired", node.retired},
               {"reachable", capture.reachable},
               {"waiting_for_schema", capture.waiting_for_schema},
               {"lag_us", node.lag_us},
               {"watermark_us", TimeOrNull(capture.watermark)},
               {"last_write_us", TimeOrNull(capture.last_write)},
               {"position", PositionJson(capture.position)},
               {"read_bytes", capture.bytes_read},
               {"unread_bytes", capture.unread_bytes},
               {"entries", capture.entries},
               {"mutations", capture.mutations},
               {"unknown_table_mutations", capture.passed_over},
               {"corrupt", capture.corrupt},
               {"gaps", capture.gaps},
               {"segments_removed", capture.segments_removed},
               {"cdc_raw_bytes", capture.cdc_raw_bytes},
               {"cdc_raw_limit_bytes", capture.cdc_space_bytes}};
  if (!node.acked.none()) json["acknowledged"] = PositionJson(node.acked);
  return json;
}

Json ShardJson(const ShardStats& shard) {
  return {{"shard", shard.number},
          {"mutations", shard.reconcile.mutations},
          {"writes", shard.reconcile.writes},
          {"copies_absorbed", shard.reconcile.copies},
          {"overtaken", shard.reconcile.overtaken},
          {"silent_writes", shard.reconcile.silent},
          {"changes", shard.reconcile.changes},
          {"late_changes", shard.reconcile.late},
          {"expired_changes", shard.reconcile.expired},
          {"commits", shard.commits},
          {"queue_bytes", shard.queue_bytes},
          {"held_mutations", shard.held},
          {"unconfirmed_changes", shard.unconfirmed},
          {"watermark_us", shard.watermark_us > 0 ? Json(shard.watermark_us) : Json()},
          {"state_bytes", shard.state_bytes},
          {"state_reads", shard.state_reads},
          {"state_cache_hits", shard.state_cache_hits},
          {"timeline_bytes", shard.timeline.bytes},
          {"timeline_segments", shard.timeline.segments},
          {"timeline_records", shard.timeline.appended},
          {"timeline_first_sequence", shard.timeline.first},
          {"timeline_oldest_us", shard.timeline.oldest_us > 0 ? Json(shard.timeline.oldest_us) : Json()}};
}

// The node's name or, of one that is not told of any more, its number in this pipeline.
std::string NodeName(NodeIndex index, const RunStats& stats) {
  for (const NodeStats& node : stats.nodes) {
    if (node.index == index) return node.name;
  }
  return std::to_string(index.value);
}

Json GapJson(const Gap& gap, const RunStats& stats) {
  return {{"id", gap.id},
          {"node", NodeName(gap.node, stats)},
          {"reason", GapReasonWord(gap.reason)},
          {"table", gap.table.empty() ? Json() : Json(gap.table)},
          {"from", PositionJson(gap.from)},
          {"to", PositionJson(gap.to)},
          {"seen_us", TimeOrNull(gap.seen_at)},
          {"detail", gap.detail}};
}

Json ComparisonJson(const ComparisonStats& comparison) {
  return {{"rows", comparison.rows},      {"missing", comparison.missing},     {"extra", comparison.extra},
          {"stale", comparison.stale},    {"different", comparison.different}, {"in_motion", comparison.in_motion},
          {"samples", comparison.samples}};
}

Json BackfillJson(const BackfillStats& backfill, int64_t now_us) {
  Json json = {{"id", backfill.id},
               {"table", backfill.table},
               {"cause", backfill.compares ? "verify" : BackfillCauseWord(backfill.cause)},
               {"state", BackfillStateWord(backfill.state, backfill.running)},
               {"asked_us", backfill.asked_us},
               {"problem", backfill.problem.empty() ? Json() : Json(backfill.problem)}};
  if (!backfill.part.empty()) json["part"] = backfill.part;
  if (backfill.compares) json["comparison"] = ComparisonJson(backfill.comparison);
  if (!backfill.running) return json;
  json["read_bytes"] = backfill.read_bytes;
  json["total_bytes"] = backfill.total_bytes;
  json["running_us"] = now_us - backfill.since_us;
  return json;
}

Json LatencyJson(const LatencyHistogram& histogram) {
  return {{"count", histogram.total},           {"sum_us", histogram.sum_us},
          {"p50_us", histogram.Quantile(0.5)},  {"p90_us", histogram.Quantile(0.9)},
          {"p99_us", histogram.Quantile(0.99)}, {"p999_us", histogram.Quantile(0.999)}};
}

Json OutletJson(const OutletStats& outlet) {
  return {{"records", outlet.records},
          {"acknowledged", outlet.acked},
          {"bytes", outlet.bytes},
          {"queued", outlet.queued},
          {"queue_bytes", outlet.queue_bytes},
          {"silent_us", outlet.silent_us},
          {"renewed", outlet.renewed},
          {"last_error", outlet.last_error.empty() ? Json() : Json(outlet.last_error)}};
}

Json InletJson(const InletStats& inlet) {
  return {{"shard", inlet.shard},
          {"restored", inlet.restored},
          {"next_offset", inlet.next},
          {"end_offset", inlet.end},
          {"records", inlet.records},
          {"held_back", inlet.held_back},
          {"restored_bytes", inlet.restored_bytes}};
}

}  // namespace

std::string RenderStatusJson(const RunStats& stats) {
  Json json = {{"name", stats.name},
               {"version", stats.version},
               {"now_us", stats.now_us},
               {"started_us", stats.started_us},
               {"ready", stats.ready},
               {"not_ready", stats.ready ? Json() : Json(stats.not_ready)},
               {"alarms", stats.alarms},
               {"lag_us", stats.max_lag_us()},
               {"write_to_publish", LatencyJson(stats.write_to_publish)},
               {"resident_bytes", stats.resident_bytes},
               {"memory_limit_bytes", stats.memory_limit_bytes},
               {"disk_used_bytes", stats.disk_used_bytes},
               {"disk_limit_bytes", stats.disk_limit_bytes},
               {"disk_free_bytes", stats.disk_free_bytes},
               {"retention_us", stats.retention_us},
               {"nodes", Json::array()},
               {"shards", Json::array()},
               {"streams", Json::array()},
               {"open_gaps", Json::array()},
               {"backfills", Json::array()}};
  for (const NodeStats& node : stats.nodes) json["nodes"].push_back(NodeJson(node));
  for (const ShardStats& shard : stats.shards) json["shards"].push_back(ShardJson(shard));
  for (const StreamStats& stream : stats.streams) {
    json["streams"].push_back({{"name", stream.name}, {"tables", stream.tables}});
  }
  for (const Gap& gap : stats.open_gaps) json["open_gaps"].push_back(GapJson(gap, stats));
  for (const BackfillStats& backfill : stats.backfills)
    json["backfills"].push_back(BackfillJson(backfill, stats.now_us));
  if (stats.outlet.has_value()) json["outlet"] = OutletJson(*stats.outlet);
  for (const InletStats& inlet : stats.inlets) json["inlets"].push_back(InletJson(inlet));
  // What is no UTF-8 (a file's name in a detail) is replaced: the library would throw.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace braid
