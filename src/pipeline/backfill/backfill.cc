#include "pipeline/backfill/backfill.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "cassandra/sstable/open_set.h"
#include "pipeline/backfill/live_rows.h"
#include "pipeline/backfill/snapshot_marks.h"
#include "pipeline/merge/merge.h"
#include "pipeline/merge/sstable_source.h"
#include "pipeline/offline/event_lines.h"

namespace braid {
namespace {

// Of --memory: what is read of all files together. Decoded, it takes several times as much.
constexpr uint64_t kReadShare = 8;
constexpr uint64_t kPiecesPerReport = 1 << 10;

Status CheckStop(const BackfillOptions& options) {
  if (!options.stop || !options.stop()) return {};
  return Error{ErrorCode::kTransient, fmt::format("interrupted; nothing was written to {}", options.out)};
}

// A table to be backfilled, and its directories at each node that has any.
struct Work {
  TableSchemaPtr schema;
  std::vector<std::vector<std::string>> nodes;
};

Result<std::vector<Work>> FindWork(const BackfillOptions& options, const std::vector<NodeHome>& homes,
                                   const std::vector<TableSchemaPtr>& tables, BackfillSummary* summary) {
  const std::string of_snapshot =
      options.files.snapshot.empty() ? "" : fmt::format(" of the snapshot {}", options.files.snapshot);
  std::vector<Work> all;
  for (const TableSchemaPtr& table : tables) {
    Work work{.schema = table, .nodes = {}};
    std::vector<std::string> without;
    for (const NodeHome& home : homes) {
      ASSIGN_OR_RETURN(std::vector<std::string> directories, FindTableDirectories(home, *table, options.files));
      if (directories.empty()) {
        without.push_back(home.name);
      } else {
        work.nodes.push_back(std::move(directories));
      }
    }
    if (work.nodes.empty()) {
      const std::string nowhere = fmt::format("{}: no node has a directory{} of it (data/{}/{}-{})", table->FullName(),
                                              of_snapshot, table->keyspace, table->table, table->table_id.ToString());
      if (!options.tables.empty()) return NotFound(nowhere + "; give the homes of the nodes that keep it");
      summary->missing.push_back(nowhere);
      continue;
    }
    for (const std::string& name : without) {
      summary->missing.push_back(
          fmt::format("{}: node {} has no directory{} of it", table->FullName(), name, of_snapshot));
    }
    all.push_back(std::move(work));
  }
  return all;
}

std::string RestingOnOthers(const TokenRange& tokens) {
  return fmt::format("rows with tokens after {} up to {} rest on other copies alone", tokens.after.value,
                     tokens.through.value);
}

// The damage as a line for people.
std::string DamageLine(const MergeDamage& damage) {
  return fmt::format("{}; {} passed over; {}", damage.message,
                     damage.lost_bytes.has_value() ? fmt::format("{} bytes", *damage.lost_bytes) : "the rest",
                     RestingOnOthers(damage.tokens));
}

class Backfiller {
 public:
  Backfiller(const BackfillOptions& options, EventLines* lines, BackfillSummary* summary)
      : options_(options), lines_(lines), marks_(lines), summary_(summary) {}

  Status Run(const std::vector<Work>& all, TableOutput* output) {
    for (const Work& work : all) {
      lines_->BeginTable();
      TRY(output->BeginFile(work.schema->FullName() + ".ndjson"));
      TRY(RunTable(work, static_cast<double>(summary_->tables.size()), static_cast<double>(all.size())));
      summary_->tables.push_back({work.schema->FullName(), lines_->changes()});
      summary_->rows += lines_->changes();
    }
    return {};
  }

 private:
  // `done` of `tables` have been read.
  Status RunTable(const Work& work, double done, double tables) {
    ASSIGN_OR_RETURN(const std::vector<SstableSet> sets, OpenSets(work));
    uint64_t length = 0;
    for (const SstableSet& set : sets) length += set.data_bytes();
    ASSIGN_OR_RETURN(auto sources, OpenSources(work, sets));
    const bool skip = options_.on_corruption == OnCorruption::kSkip;
    ASSIGN_OR_RETURN(const auto merge, TableMerge::Open(std::move(sources), work.schema, {.skip_damage = skip}));
    LiveRows live(work.schema, options_.now);
    for (uint64_t pieces = 0;; ++pieces) {
      TRY(CheckStop(options_));
      const Result<const SstablePiece*> piece = merge->Next();
      if (!piece.has_value()) return WithCure(piece.error());
      if (*piece == nullptr) break;
      TRY(live.Take(**piece, marks_));
      if (options_.progress && pieces % kPiecesPerReport == 0) {
        const double of_table = static_cast<double>(merge->position()) / static_cast<double>(length);
        options_.progress("reading", (done + std::min(1.0, of_table)) / tables);
      }
    }
    TRY(marks_.EndTable());
    for (const MergeDamage& damage : merge->damage()) summary_->damage.push_back(DamageLine(damage));
    summary_->bytes += length;
    summary_->partitions += merge->partitions();
    summary_->dead_rows += live.dead();
    return {};
  }

  Result<std::vector<SstableSet>> OpenSets(const Work& work) {
    std::vector<SstableSet> sets;
    for (const std::vector<std::string>& directories : work.nodes) {
      const auto pause = [](int64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); };
      ASSIGN_OR_RETURN(SstableSet set, SstableSet::Open(directories, {.pause = pause, .listed = {}}));
      for (const UnreadableSstable& each : set.unreadable()) {
        if (options_.on_corruption == OnCorruption::kStop || each.error.code != ErrorCode::kCorrupt) {
          return WithCure(each.error);
        }
        summary_->damage.push_back(
            fmt::format("{}; nothing of it was read; {}", each.error.message, RestingOnOthers(each.tokens)));
      }
      summary_->sstables += set.sstables().size();
      sets.push_back(std::move(set));
    }
    return sets;
  }

  Result<std::vector<std::unique_ptr<PieceSource>>> OpenSources(const Work& work, const std::vector<SstableSet>& sets) {
    size_t count = 0;
    for (const SstableSet& set : sets) count += set.sstables().size();
    const ScanOptions scan = ScanWithin(options_.memory_bytes / kReadShare, count);
    std::vector<std::unique_ptr<PieceSource>> sources;
    for (const SstableSet& set : sets) {
      for (const auto& sstable : set.sstables()) {
        ASSIGN_OR_RETURN(auto source, SstableSource::Open(sstable.get(), work.schema, scan));
        sources.push_back(std::move(source));
      }
    }
    return sources;
  }

  static Error WithCure(Error error) {
    if (error.code == ErrorCode::kCorrupt) {
      error.message +=
          "; repair the node (nodetool scrub), or with --on-corruption skip it is reported and the rest is read";
    }
    return error;
  }

  const BackfillOptions& options_;
  EventLines* const lines_;
  SnapshotMarks marks_;
  BackfillSummary* const summary_;
};

}  // namespace

Result<BackfillSummary> Backfill(const BackfillOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<NodeHome> homes, OpenNodeHomes(options.nodes));
  BackfillSummary summary;
  ASSIGN_OR_RETURN(const LoadedSchema schema, LoadSchema(homes, options.tables, TableKinds::kAll));
  summary.schema_warnings = schema.cluster.warnings();
  ASSIGN_OR_RETURN(const std::vector<Work> work, FindWork(options, homes, schema.tables, &summary));
  ASSIGN_OR_RETURN(const auto output, TableOutput::Open(options.out));
  EventContext context = ContextOf(options.name, homes);
  context.emitted_ms = options.now.s * 1000;
  EventLines lines(context, output.get());
  TRY(Backfiller(options, &lines, &summary).Run(work, output.get()));
  TRY(output->Publish());
  return summary;
}

}  // namespace braid
