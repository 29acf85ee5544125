#include "pipeline/merge/log_source.h"

#include <utility>

#include "cassandra/commitlog/walk.h"

namespace braid {
namespace {

// The definition that the merge is made by, and the other tables'.
class TablesWith : public TableLookup {
 public:
  TablesWith(const TableLookup& others, const TableSchema* schema) : others_(others), schema_(schema) {}
  const TableSchema* FindTable(const TableId& id) const override {
    return id == schema_->table_id ? schema_ : others_.FindTable(id);
  }

 private:
  const TableLookup& others_;
  const TableSchema* schema_;
};

// Takes the mutations of segments apart into records.
class LogCollector {
 public:
  LogCollector(const TableLookup& tables, const TableSchema& schema, const LogSourceOptions& options,
               WriteSorter* sorter, LogSourceReport* report)
      : schema_(schema),
        options_(options),
        sorter_(sorter),
        report_(report),
        tables_(tables, &schema),
        decoder_(&tables_, {.wanted = [&schema](const TableSchema& table) { return table.table_id == schema.table_id; },
                            .excluded = [&options](const TableSchema&) { return options.excluded; }}),
        after_{.node = {}, .segment = options.after.segment, .offset = options.after.offset} {}

  Status Read(const ByteSource& segment) {
    ++report_->segments;
    Status failed;
    const LogVisitor visitor{.on_mutation =
                                 [&](const DecodedMutation& decoded, ByteView) {
                                   if (failed.has_value()) failed = Take(decoded.transaction);
                                 },
                             .on_problem = [&](const LogProblem& problem) { return Note(problem, failed); }};
    const Status walked = WalkSegment(segment, {}, {.live = options_.live, .buffers = &buffers_}, &decoder_, visitor);
    TRY(failed);
    if (walked.has_value()) return {};
    switch (walked.error().code) {
      case ErrorCode::kIncomplete:  // made, but never written to
        report_->torn.push_back(walked.error().message);
        return {};
      case ErrorCode::kCorrupt:
        report_->damage.push_back(walked.error().message);
        return {};
      default:
        return walked.error();
    }
  }

 private:
  // Whether to go on.
  bool Note(const LogProblem& problem, const Status& failed) {
    if (problem.kind == LogProblem::Kind::kTorn) {
      report_->torn.push_back(problem.message);
      return true;
    }
    if (!IsElsewhere(problem.unread)) report_->damage.push_back(problem.message);
    return failed.has_value();
  }

  // Whether what could not be read can hold nothing of this table: Cassandra's own tables, whose mutations have no
  // others, or an unknown one's part with nothing behind it.
  bool IsElsewhere(const UnreadPart* unread) const {
    if (unread == nullptr || unread->table == schema_.table_id) return false;
    return IsSystemTableId(unread->table) || unread->part + 1 == unread->parts;
  }

  Status Take(const Transaction& transaction) {
    if (options_.stop && options_.stop()) {
      return Error{ErrorCode::kTransient, "interrupted while the commit logs were read"};
    }
    if (transaction.position <= after_) return {};
    for (const Mutation& mutation : transaction.mutations) {
      if (!options_.tokens.Contains(mutation.token)) continue;
      ++report_->mutations;
      TRY(sorter_->Add(mutation));
    }
    return {};
  }

  const TableSchema& schema_;
  const LogSourceOptions& options_;
  WriteSorter* sorter_;
  LogSourceReport* report_;
  TablesWith tables_;
  MutationDecoder decoder_;
  SegmentBuffers buffers_;
  const Position after_;  // of the node that all positions are read as
};

}  // namespace

Result<std::unique_ptr<PieceSource>> ReadLogSource(std::string name,
                                                   const std::vector<std::unique_ptr<ByteSource>>& segments,
                                                   const TableLookup& tables, const TableSchemaPtr& schema,
                                                   const LogSourceOptions& options, LogSourceReport* report) {
  WriteSorter sorter(schema, options.sorting);
  LogCollector collector(tables, *schema, options, &sorter, report);
  for (const std::unique_ptr<ByteSource>& segment : segments) TRY(collector.Read(*segment));
  return sorter.Finish(std::move(name));
}

}  // namespace braid
