#include "pipeline/replay/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "codec/schema.h"
#include "pipeline/offline/event_lines.h"
#include "pipeline/offline/table_output.h"
#include "pipeline/replay/spilling_state.h"
#include "pipeline/replay/write_log.h"
#include "reconcile/reconciler.h"

namespace braid {
namespace {

constexpr int64_t kSecondsPerDay = 86400;
// Of --memory: an eighth is for the widest partition's state in memory, an eighth for its caches once it is on disk,
// and the rest for sorting.
constexpr uint64_t kStateShare = 8;
constexpr uint64_t kReadSteps = 1 << 16;  // writes between two reports of progress

Status CheckStop(const ReplayOptions& options) {
  if (!options.stop || !options.stop()) return {};
  return Error{ErrorCode::kTransient, fmt::format("interrupted; nothing was written to {}", options.out)};
}

// Puts what the logs hold into the write log.
class Collector : public MutationVisitor {
 public:
  Collector(WriteLog* log, uint64_t bytes_in_all, const ReplayOptions& options)
      : log_(log), bytes_in_all_(std::max<uint64_t>(bytes_in_all, 1)), options_(options) {}

  Status Visit(uint32_t table, const Mutation& mutation) override {
    ++mutations_;
    TRY(CheckStop(options_));
    return log_->Add(table, mutation);
  }

  void Progress(uint64_t bytes) override {
    if (options_.progress) {
      options_.progress("reading", static_cast<double>(bytes) / static_cast<double>(bytes_in_all_));
    }
  }

  uint64_t mutations() const { return mutations_; }

 private:
  WriteLog* log_;
  const uint64_t bytes_in_all_;
  const ReplayOptions& options_;
  uint64_t mutations_ = 0;
};

class Replayer {
 public:
  Replayer(const ReplayOptions& options, const LoadedSchema& schema, const EventContext& context, TableOutput* output)
      : options_(options),
        schema_(schema),
        output_(output),
        sink_(context, output),
        state_({.memory_bytes = options.memory_bytes / kStateShare, .directory = output->working_directory()}),
        reconciler_({.history_known = !options.partial, .partition_clock = true}, &state_) {}

  // Applies every write and writes every table's file.
  Status Run(WriteLog::Reader* writes, uint64_t write_count, ReplaySummary* summary) {
    uint64_t done = 0;
    TRY(BeginTable(0));
    while (true) {
      TRY(CheckStop(options_));
      ASSIGN_OR_RETURN(const Mutation* write, writes->Next());
      if (write == nullptr) break;
      if (writes->new_partition()) TRY(EndPartition());
      while (table_ < writes->table()) TRY(NextTable(summary));
      partition_key_.assign(write->partition_key);
      token_ = write->token;
      in_partition_ = true;
      TRY(reconciler_.ApplyWrite(*write, clock_limit_, sink_));
      if (options_.progress && ++done % kReadSteps == 0) {
        options_.progress("replaying", static_cast<double>(done + writes->copies()) / static_cast<double>(write_count));
      }
    }
    TRY(EndPartition());
    while (table_ < schema_.tables.size()) TRY(NextTable(summary));
    const Reconciler::Stats& stats = reconciler_.stats();
    summary->copies = writes->copies() + stats.copies;
    summary->overtaken = stats.overtaken;
    summary->silent = stats.silent;
    summary->changes = stats.changes;
    return {};
  }

 private:
  const TableSchema& table() const { return *schema_.tables[table_]; }

  Status BeginTable(uint32_t number) {
    table_ = number;
    if (number == schema_.tables.size()) return {};
    sink_.BeginTable();
    return output_->BeginFile(table().FullName() + ".ndjson");
  }

  Status NextTable(ReplaySummary* summary) {
    summary->tables.push_back({table().FullName(), sink_.changes()});
    return BeginTable(table_ + 1);
  }

  // Lets what is due by --now run out and forgets the partition: no write of it comes any more.
  Status EndPartition() {
    if (!in_partition_) return {};
    in_partition_ = false;
    if (options_.now.has_value()) {
      TRY(reconciler_.ExpirePartition(table(), token_, partition_key_, *options_.now, sink_));
    }
    return reconciler_.ForgetPartition(table(), token_, partition_key_);
  }

  const ReplayOptions& options_;
  const LoadedSchema& schema_;
  TableOutput* output_;
  EventLines sink_;
  SpillingState state_;
  Reconciler reconciler_;
  const UnixSeconds clock_limit_{options_.machine_time_s + kSecondsPerDay};
  uint32_t table_ = 0;
  std::string partition_key_;
  Token token_;
  bool in_partition_ = false;
};

}  // namespace

Result<ReplaySummary> Replay(const ReplayOptions& options) {
  ASSIGN_OR_RETURN(std::vector<NodeHome> homes, OpenNodeHomes(options.nodes));
  TRY(FindLogs(&homes));
  ReplaySummary summary;
  ASSIGN_OR_RETURN(const LoadedSchema schema, LoadSchema(homes, options.tables, TableKinds::kCaptured));
  summary.schema_warnings = schema.cluster.warnings();
  for (const NodeHome& home : homes) {
    summary.segments += home.segments.size();
    for (const SegmentFile& segment : home.segments) summary.bytes += segment.size_bytes;
  }
  ASSIGN_OR_RETURN(const auto output, TableOutput::Open(options.out));

  std::vector<const TableSchema*> tables;
  SchemaSet definitions;
  for (const TableSchemaPtr& table : schema.tables) {
    tables.push_back(table.get());
    definitions.Add(table);
  }
  const uint64_t sort_bytes = options.memory_bytes - 2 * (options.memory_bytes / kStateShare);
  WriteLog log(tables, {.memory_bytes = sort_bytes, .directory = output->working_directory()});
  Collector collector(&log, summary.bytes, options);
  TRY(ReadLogs(homes, schema, options.on_corruption, &collector, &summary.logs));
  summary.mutations = collector.mutations();
  summary.writes = log.writes();

  ASSIGN_OR_RETURN(const auto writes, log.Finish(definitions, UnixSeconds{options.machine_time_s}));
  const EventContext context = ContextOf(options.name, homes);
  Replayer replayer(options, schema, context, output.get());
  TRY(replayer.Run(writes.get(), std::max<uint64_t>(log.writes(), 1), &summary));
  TRY(output->Publish());
  return summary;
}

}  // namespace braid
