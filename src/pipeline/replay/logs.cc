#include "pipeline/replay/logs.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/byte_source.h"
#include "cassandra/commitlog/walk.h"

namespace braid {
namespace {

constexpr uint64_t kMutationsPerReport = 1 << 14;

// Reads the segments of all nodes with one decoder.
class LogPass {
 public:
  LogPass(const LoadedSchema& schema, OnCorruption on_corruption, MutationVisitor* visitor, LogReport* report)
      : schema_(schema),
        on_corruption_(on_corruption),
        visitor_(visitor),
        report_(report),
        tables_(&schema.cluster),
        decoder_(&tables_, {.wanted = [this](const TableSchema& table) { return IsWanted(table); }}) {
    for (uint32_t i = 0; i < schema.tables.size(); ++i) numbers_[schema.tables[i].get()] = i;
  }

  Status Read(const SegmentFile& file, NodeIndex node) {
    ASSIGN_OR_RETURN(const auto source, OpenFile(file.path));
    failed_ = {};
    const LogVisitor walk{
        .on_mutation = [this](const DecodedMutation& mutation, ByteView payload) { Take(mutation, payload); },
        .on_problem = [this](const LogProblem& problem) { return Report(problem); }};
    const Status walked = WalkSegment(*source, node, {.buffers = &buffers_}, &decoder_, walk);
    TRY(failed_);
    if (!walked.has_value()) {
      // A segment that was made but never written to.
      if (walked.error().code != ErrorCode::kIncomplete) return AtProblem(walked.error());
      report_->torn.push_back(walked.error().message);
    }
    bytes_ += file.size_bytes;
    bytes_in_segment_ = 0;
    visitor_->Progress(bytes_);
    return {};
  }

 private:
  bool IsWanted(const TableSchema& table) {
    if (numbers_.contains(&table)) return true;
    if (!table.cdc && !IsSystemTableId(table.table_id)) {
      report_->passed_over[table.FullName()].reason = "it is not captured (cdc = false)";
    }
    return false;
  }

  void Take(const DecodedMutation& decoded, ByteView payload) {
    if (!failed_.has_value()) return;
    for (const Mutation& mutation : decoded.transaction.mutations) {
      failed_ = visitor_->Visit(numbers_.at(mutation.schema), mutation);
      if (!failed_.has_value()) return;
    }
    bytes_in_segment_ += payload.size();
    if (++mutations_ % kMutationsPerReport == 0) visitor_->Progress(bytes_ + bytes_in_segment_);
  }

  // Whether to go on.
  bool Report(const LogProblem& problem) {
    switch (problem.kind) {
      case LogProblem::Kind::kTorn:
        report_->torn.push_back(problem.message);
        return true;
      case LogProblem::Kind::kCorrupt:
        if (on_corruption_ == OnCorruption::kStop) return false;
        report_->damage.push_back(problem.message);
        return true;
      case LogProblem::Kind::kUnread:
        return ReportUnread(problem);
    }
    return false;
  }

  bool ReportUnread(const LogProblem& problem) {
    const UnreadPart& unread = *problem.unread;
    if (unread.schema == nullptr && IsSystemTableId(unread.table)) return true;
    if (const TableInfo* info = schema_.cluster.Find(unread.table); info != nullptr && info->schema == nullptr) {
      auto& passed = report_->passed_over[info->FullName()];
      passed.reason = info->unreadable;
      ++passed.mutations;
      return true;
    }
    if (unread.schema != nullptr && on_corruption_ == OnCorruption::kStop) return false;
    if (unread.schema == nullptr) {
      auto& passed = report_->passed_over["table " + unread.table.ToString()];
      passed.reason = "no schema file defines it; it was dropped, or created after the schema was copied";
      ++passed.mutations;
    }
    // What stands behind a part that cannot be read is lost with it.
    if (unread.schema != nullptr || unread.part + 1 < unread.parts) report_->damage.push_back(problem.message);
    return true;
  }

  static Error AtProblem(Error error) {
    if (error.code == ErrorCode::kCorrupt) {
      error.message += "; with --on-corruption skip it is reported and the rest is read";
    }
    return error;
  }

  const LoadedSchema& schema_;
  const OnCorruption on_corruption_;
  MutationVisitor* visitor_;
  LogReport* report_;
  std::unordered_map<const TableSchema*, uint32_t> numbers_;
  SchemaTables tables_;
  MutationDecoder decoder_;
  SegmentBuffers buffers_;
  Status failed_;
  uint64_t bytes_ = 0;
  uint64_t bytes_in_segment_ = 0;
  uint64_t mutations_ = 0;
};

}  // namespace

Status ReadLogs(const std::vector<NodeHome>& homes, const LoadedSchema& schema, OnCorruption on_corruption,
                MutationVisitor* visitor, LogReport* report) {
  LogPass pass(schema, on_corruption, visitor, report);
  for (uint16_t node = 0; node < homes.size(); ++node) {
    for (const SegmentFile& segment : homes[node].segments) TRY(pass.Read(segment, NodeIndex{node}));
  }
  return {};
}

}  // namespace braid
