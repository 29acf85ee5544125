#include "control/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <sstream>
#include <utility>
#include <vector>

#include "control/words.h"

namespace braid {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Label = ClientMetric::Label;

constexpr double kUsPerSecond = 1e6;

// Buckets of the histogram that are told: from 128 µs to about an hour.
constexpr size_t kFirstBucket = 7;
constexpr size_t kLastBucket = 32;

double Seconds(int64_t us) {
  return static_cast<double>(us) / kUsPerSecond;
}

// A point in time; 0 if it is not known.
double Seconds(WriteTime time) {
  return time.none() ? 0 : Seconds(time.us);
}

class Families {
 public:
  // The metrics that follow belong to this family. A counter's name ends with _total.
  void Begin(MetricType type, std::string name, std::string help) {
    list_.push_back(MetricFamily{"braid_" + std::move(name), std::move(help), type, {}});
  }

  void Add(double value, std::vector<Label> labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = value;
    metric.gauge.value = value;
    list_.back().metric.push_back(std::move(metric));
  }

  void One(MetricType type, std::string name, std::string help, double value) {
    Begin(type, std::move(name), std::move(help));
    Add(value);
  }

  void AddHistogram(const LatencyHistogram& histogram) {
    ClientMetric metric;
    metric.histogram.sample_count = histogram.total;
    metric.histogram.sample_sum = static_cast<double>(histogram.sum_us) / kUsPerSecond;
    uint64_t below = 0;
    for (size_t i = 0; i <= kLastBucket; ++i) {
      below += histogram.counts[i];
      if (i >= kFirstBucket) metric.histogram.bucket.push_back({below, Seconds(int64_t{1} << i)});
    }
    metric.histogram.bucket.push_back({histogram.total, std::numeric_limits<double>::infinity()});
    list_.back().metric.push_back(std::move(metric));
  }

  const std::vector<MetricFamily>& list() const { return list_; }

 private:
  std::vector<MetricFamily> list_;
};

struct NodeMetric {
  MetricType type;
  const char* name;
  const char* help;
  double (*value)(const NodeStats&);
};

const NodeMetric kNodeMetrics[] = {
    {MetricType::Gauge, "node_lag_seconds", "Time up to which the node's log was read, before now.",
     [](const NodeStats& node) { return Seconds(node.lag_us); }},
    {MetricType::Gauge, "node_reachable", "1 if the node's directories can be listed.",
     [](const NodeStats& node) { return node.capture.reachable ? 1.0 : 0.0; }},
    {MetricType::Gauge, "node_retired", "1 if the node was let go.",
     [](const NodeStats& node) { return node.retired ? 1.0 : 0.0; }},
    {MetricType::Gauge, "node_waiting_for_schema", "1 if a mutation waits for the definition of its table.",
     [](const NodeStats& node) { return node.capture.waiting_for_schema ? 1.0 : 0.0; }},
    {MetricType::Counter, "node_read_bytes_total", "Bytes of commit log read.",
     [](const NodeStats& node) { return static_cast<double>(node.capture.bytes_read); }},
    {MetricType::Counter, "node_entries_total", "Log entries read, of all tables.",
     [](const NodeStats& node) { return static_cast<double>(node.capture.entries); }},
    {MetricType::Counter, "node_mutations_total", "Mutations of captured tables read.",
     [](const NodeStats& node) { return static_cast<double>(node.capture.mutations); }},
    {MetricType::Counter, "node_unknown_table_mutations_total", "Mutations passed over: nobody defined their table.",
     [](const NodeStats& node) { return static_cast<double>(node.capture.passed_over); }},
    {MetricType::Counter, "node_corrupt_total", "Damaged places met in the log.",
     [](const NodeStats& node) { return static_cast<double>(node.capture.corrupt); }},
    {MetricType::Counter, "node_gaps_total", "Gaps recorded, open or healed.",
     [](const NodeStats& node) { return static_cast<double>(node.capture.gaps); }},
    {MetricType::Counter, "node_segments_removed_total", "Segments removed from cdc_raw.",
     [](const NodeStats& node) { return static_cast<double>(node.capture.segments_removed); }},
    {MetricType::Gauge, "node_cdc_raw_bytes", "Space that cdc_raw takes, as Cassandra counts it.",
     [](const NodeStats& node) { return static_cast<double>(node.capture.cdc_raw_bytes); }},
    {MetricType::Gauge, "node_cdc_raw_limit_bytes", "Space that cdc_raw may take before Cassandra refuses writes.",
     [](const NodeStats& node) { return static_cast<double>(node.capture.cdc_space_bytes); }},
    {MetricType::Gauge, "node_unread_bytes", "Bytes of log known to be there and not read yet, about.",
     [](const NodeStats& node) { return static_cast<double>(node.capture.unread_bytes); }},
    {MetricType::Gauge, "node_last_write_timestamp_seconds", "Greatest write timestamp read, 0 if none.",
     [](const NodeStats& node) { return Seconds(node.capture.last_write); }},
};

struct ShardMetric {
  MetricType type;
  const char* name;
  const char* help;
  double (*value)(const ShardStats&);
};

const ShardMetric kShardMetrics[] = {
    {MetricType::Counter, "mutations_total", "Mutations merged: every replica's copy counts.",
     [](const ShardStats& shard) { return static_cast<double>(shard.reconcile.mutations); }},
    {MetricType::Counter, "writes_total", "Writes that the mutations were cut into.",
     [](const ShardStats& shard) { return static_cast<double>(shard.reconcile.writes); }},
    {MetricType::Counter, "copies_absorbed_total", "Writes that were known already.",
     [](const ShardStats& shard) { return static_cast<double>(shard.reconcile.copies); }},
    {MetricType::Counter, "overtaken_total", "Writes superseded before they were seen: no change tells of them.",
     [](const ShardStats& shard) { return static_cast<double>(shard.reconcile.overtaken); }},
    {MetricType::Counter, "silent_writes_total", "Writes that changed no row that exists.",
     [](const ShardStats& shard) { return static_cast<double>(shard.reconcile.silent); }},
    {MetricType::Counter, "changes_total", "Changes emitted.",
     [](const ShardStats& shard) { return static_cast<double>(shard.reconcile.changes); }},
    {MetricType::Counter, "late_changes_total", "Changes older than what their partition had emitted.",
     [](const ShardStats& shard) { return static_cast<double>(shard.reconcile.late); }},
    {MetricType::Counter, "expired_changes_total", "Changes because a TTL ran out.",
     [](const ShardStats& shard) { return static_cast<double>(shard.reconcile.expired); }},
    {MetricType::Counter, "deletion_rows_read_total", "Rows read by range and partition deletions.",
     [](const ShardStats& shard) { return static_cast<double>(shard.reconcile.rows_walked); }},
    {MetricType::Counter, "commits_total", "Commits.",
     [](const ShardStats& shard) { return static_cast<double>(shard.commits); }},
    {MetricType::Gauge, "queue_bytes", "Bytes that wait between capture and merge.",
     [](const ShardStats& shard) { return static_cast<double>(shard.queue_bytes); }},
    {MetricType::Gauge, "held_mutations", "Mutations that wait for reorder_window or a quorum.",
     [](const ShardStats& shard) { return static_cast<double>(shard.held); }},
    {MetricType::Counter, "unconfirmed_changes_total",
     "Changes published before a majority of replicas had logged them (publish_when: quorum).",
     [](const ShardStats& shard) { return static_cast<double>(shard.unconfirmed); }},
    {MetricType::Gauge, "watermark_timestamp_seconds", "Every node's log was merged up to this time, 0 if not known.",
     [](const ShardStats& shard) { return shard.watermark_us > 0 ? Seconds(shard.watermark_us) : 0.0; }},
    {MetricType::Gauge, "state_bytes", "Size of the state on disk, about.",
     [](const ShardStats& shard) { return static_cast<double>(shard.state_bytes); }},
    {MetricType::Counter, "state_reads_total", "Reads of the state.",
     [](const ShardStats& shard) { return static_cast<double>(shard.state_reads); }},
    {MetricType::Counter, "state_cache_hits_total", "Reads of the state that the cache answered.",
     [](const ShardStats& shard) { return static_cast<double>(shard.state_cache_hits); }},
    {MetricType::Gauge, "timeline_bytes", "Size of the timeline on disk.",
     [](const ShardStats& shard) { return static_cast<double>(shard.timeline.bytes); }},
    {MetricType::Gauge, "timeline_segments", "Files of the timeline.",
     [](const ShardStats& shard) { return static_cast<double>(shard.timeline.segments); }},
    {MetricType::Counter, "timeline_records_total", "Records appended to the timeline.",
     [](const ShardStats& shard) { return static_cast<double>(shard.timeline.appended); }},
    {MetricType::Gauge, "timeline_first_sequence", "Oldest sequence number that readers can still get.",
     [](const ShardStats& shard) { return static_cast<double>(shard.timeline.first); }},
    {MetricType::Gauge, "timeline_oldest_timestamp_seconds", "When the oldest kept record was emitted, 0 if none is.",
     [](const ShardStats& shard) { return Seconds(shard.timeline.oldest_us); }},
};

void AddProcess(const RunStats& stats, Families* to) {
  to->Begin(MetricType::Gauge, "build_info", "Always 1; the labels tell the pipeline and the program's version.");
  to->Add(1, {{"pipeline", stats.name}, {"version", stats.version}});
  to->One(MetricType::Gauge, "start_time_seconds", "When the process started to stream.", Seconds(stats.started_us));
  to->One(MetricType::Gauge, "ready", "1 if it streams, caught up with nothing in its way.", stats.ready ? 1 : 0);
  to->One(MetricType::Gauge, "alarms", "How many things are wrong now; /status says which.",
          static_cast<double>(stats.alarms.size()));
  to->One(MetricType::Gauge, "lag_seconds", "The greatest lag of the nodes that are not retired.",
          Seconds(stats.max_lag_us()));
  to->One(MetricType::Gauge, "resident_memory_bytes", "Memory that the process holds, mapped files included.",
          static_cast<double>(stats.resident_bytes));
  to->One(MetricType::Gauge, "memory_limit_bytes", "The configuration's memory.",
          static_cast<double>(stats.memory_limit_bytes));
  to->One(MetricType::Gauge, "disk_used_bytes", "Disk that state and timeline take.",
          static_cast<double>(stats.disk_used_bytes));
  to->One(MetricType::Gauge, "disk_limit_bytes", "The configuration's disk.",
          static_cast<double>(stats.disk_limit_bytes));
  to->One(MetricType::Gauge, "disk_free_bytes", "Free space of the volume that holds the state.",
          static_cast<double>(stats.disk_free_bytes));
  to->One(MetricType::Gauge, "retention_seconds", "The configuration's retention.", Seconds(stats.retention_us));
  to->Begin(MetricType::Histogram, "write_to_publish_seconds",
            "From a write's timestamp to the moment when readers could see its change.");
  to->AddHistogram(stats.write_to_publish);
}

// Every reason is told, also at 0, so that a rate or an absence can be seen.
void AddGaps(const RunStats& stats, Families* to) {
  to->Begin(MetricType::Gauge, "gaps_open", "Gaps that nothing has healed yet, by reason.");
  for (const GapReason reason : kGapReasons) {
    const auto count = std::count_if(stats.open_gaps.begin(), stats.open_gaps.end(),
                                     [reason](const Gap& gap) { return gap.reason == reason; });
    to->Add(static_cast<double>(count), {{"reason", GapReasonWord(reason)}});
  }
}

void AddBackfills(const RunStats& stats, Families* to) {
  using State = BackfillTask::State;
  uint64_t read_bytes = 0;
  uint64_t total_bytes = 0;
  to->Begin(MetricType::Gauge, "backfills", "Backfills by state; of those that ended the last few.");
  for (const auto& [state, running] : {std::pair(State::kWaiting, true),
                                       {State::kWaiting, false},
                                       {State::kPaused, false},
                                       {State::kDone, false},
                                       {State::kCancelled, false}}) {
    const auto count = std::ranges::count_if(stats.backfills, [&](const BackfillStats& backfill) {
      return backfill.state == state && backfill.running == running;
    });
    to->Add(static_cast<double>(count), {{"state", BackfillStateWord(state, running)}});
  }
  for (const BackfillStats& backfill : stats.backfills) {
    if (!backfill.running) continue;
    read_bytes += backfill.read_bytes;
    total_bytes += backfill.total_bytes;
  }
  to->One(MetricType::Gauge, "backfill_read_bytes", "Of the running backfill: bytes of SSTables read.",
          static_cast<double>(read_bytes));
  to->One(MetricType::Gauge, "backfill_total_bytes", "Of the running backfill: bytes of SSTables to read, about.",
          static_cast<double>(total_bytes));
}

void AddOutlet(const OutletStats& outlet, Families* to) {
  to->One(MetricType::Counter, "kafka_sent_records_total", "Records put on the way to the mutations topic.",
          static_cast<double>(outlet.records));
  to->One(MetricType::Counter, "kafka_acknowledged_records_total", "Of these, acknowledged by the brokers.",
          static_cast<double>(outlet.acked));
  to->One(MetricType::Counter, "kafka_sent_bytes_total", "Bytes of these records.", static_cast<double>(outlet.bytes));
  to->One(MetricType::Gauge, "kafka_queue_bytes", "Memory of what waits for an acknowledgement.",
          static_cast<double>(outlet.queue_bytes));
  to->One(MetricType::Gauge, "kafka_silent_seconds", "For how long records have waited and none was acknowledged.",
          Seconds(outlet.silent_us));
  to->One(MetricType::Counter, "kafka_producer_renewals_total", "How often the producer had to be made anew.",
          static_cast<double>(outlet.renewed));
}

void AddInlets(const std::vector<InletStats>& inlets, Families* to) {
  const auto add = [&](MetricType type, const char* name, const char* help, const auto& value) {
    to->Begin(type, name, help);
    for (const InletStats& inlet : inlets) {
      to->Add(static_cast<double>(value(inlet)), {{"shard", std::to_string(inlet.shard)}});
    }
  };
  add(MetricType::Gauge, "kafka_lag_records", "Records of the mutations topic that are not committed as taken in.",
      [](const InletStats& inlet) { return std::max<int64_t>(inlet.end - inlet.next, 0); });
  add(MetricType::Gauge, "kafka_shard_restored", "1 if the shard's state is here and it runs.",
      [](const InletStats& inlet) { return inlet.restored ? 1 : 0; });
  add(MetricType::Counter, "kafka_published_records_total", "Records put into streams' topics since the shard is here.",
      [](const InletStats& inlet) { return inlet.records; });
  add(MetricType::Counter, "kafka_held_back_changes_total",
      "Changes of rows known in part, of streams that promise whole ones.",
      [](const InletStats& inlet) { return inlet.held_back; });
  add(MetricType::Counter, "kafka_restored_bytes_total", "Read of the changelog when the shard came here.",
      [](const InletStats& inlet) { return inlet.restored_bytes; });
}

}  // namespace

std::string RenderMetrics(const RunStats& stats) {
  Families families;
  AddProcess(stats, &families);
  AddGaps(stats, &families);
  AddBackfills(stats, &families);
  for (const NodeMetric& metric : kNodeMetrics) {
    families.Begin(metric.type, metric.name, metric.help);
    for (const NodeStats& node : stats.nodes) families.Add(metric.value(node), {{"node", node.name}});
  }
  families.Begin(MetricType::Gauge, "node_info", "Always 1; the label host_id is the node's id in the cluster.");
  for (const NodeStats& node : stats.nodes) families.Add(1, {{"node", node.name}, {"host_id", node.host_id}});
  for (const ShardMetric& metric : kShardMetrics) {
    families.Begin(metric.type, metric.name, metric.help);
    for (const ShardStats& shard : stats.shards) {
      families.Add(metric.value(shard), {{"shard", std::to_string(shard.number)}});
    }
  }
  if (stats.outlet.has_value()) AddOutlet(*stats.outlet, &families);
  if (!stats.inlets.empty()) AddInlets(stats.inlets, &families);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families.list());
  return text.str();
}

}  // namespace braid
