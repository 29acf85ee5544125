#include "pipeline/explain/explain.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "encode/json.h"
#include "model/key.h"
#include "pipeline/explain/evidence.h"
#include "pipeline/explain/judge.h"
#include "pipeline/explain/row_key.h"
#include "reconcile/lww/merge.h"
#include "reconcile/lww/write.h"

namespace braid {
namespace {

// "2026-11-21T07:40:51.123456Z", or the number alone where a calendar does not reach.
std::string TimeText(WriteTime time) {
  constexpr int64_t kFarthestUs = int64_t{253402300800} * 1000000;  // the year 10000
  if (time.us < 0 || time.us >= kFarthestUs) return fmt::format("{} us", time.us);
  const auto seconds = static_cast<std::time_t>(time.us / 1000000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(seconds), time.us % 1000000);
}

// A row of the partition, and the writes of the evidence that are its own.
struct RowWrites {
  std::string clustering;
  std::vector<const Evidence*> writes;
};

class Explainer {
 public:
  Explainer(const TableSchema& schema, const std::vector<NodeHome>& homes, UnixSeconds now)
      : schema_(schema), homes_(homes), now_(now) {}

  std::string Print(const std::vector<Evidence>& evidence) {
    if (evidence.empty()) return {};
    const Mutation& any = evidence.front().write;
    std::map<std::string, RowWrites> rows;
    RowWrites statics;
    for (const Evidence& each : evidence) {
      const Target target = TargetOf(each.write);
      if (target == Target::kStatic) statics.writes.push_back(&each);
      if (target != Target::kRow) continue;
      RowWrites& row = rows[std::string(RowOf(each.write).key)];
      row.clustering = RowOf(each.write).clustering;
      row.writes.push_back(&each);
    }
    if (!statics.writes.empty()) PrintRow(any, nullptr, "", statics, evidence);
    for (const auto& [key, row] : rows) PrintRow(any, &key, row.clustering, row, evidence);
    if (rows.empty() && statics.writes.empty()) PrintDeletionsAlone(any, evidence);
    return std::move(out_);
  }

 private:
  // `key` is nullptr for the static row.
  void PrintRow(const Mutation& any, const std::string* key, const std::string& clustering, const RowWrites& row,
                const std::vector<Evidence>& evidence) {
    RowEvidence judged;
    std::vector<const Evidence*> shown;
    for (const Evidence& each : evidence) {
      const Mutation& write = each.write;
      const Target target = TargetOf(write);
      if (target == Target::kPartition) {
        judged.partition = Stronger(judged.partition, write.partition_deletion);
        shown.push_back(&each);
      } else if (target == Target::kRange && key != nullptr) {
        const RangeDeletion& range = write.ranges.front();
        if (*key < range.start.cut || *key >= range.end.cut) continue;
        judged.strongest_range = Stronger(judged.strongest_range, range.deletion);
        shown.push_back(&each);
      } else if (std::find(row.writes.begin(), row.writes.end(), &each) != row.writes.end()) {
        judged.updates.push_back(&RowOf(write));
        shown.push_back(&each);
      }
    }
    if (!out_.empty()) out_ += '\n';
    out_ += schema_.FullName() + "  " + KeyText(any, clustering) + (key == nullptr ? "  static row" : "") + "\n";
    for (const Evidence* each : shown) PrintWrite(*each, judged);
  }

  void PrintDeletionsAlone(const Mutation& any, const std::vector<Evidence>& evidence) {
    out_ += schema_.FullName() + "  " + KeyText(any, "") + "  deletions only\n";
    for (const Evidence& each : evidence) PrintWrite(each, {});
  }

  void PrintWrite(const Evidence& evidence, const RowEvidence& judged) {
    const Mutation& write = evidence.write;
    out_ += fmt::format("\n  {}  {}\n", TimeText(WriteTimeOf(write)), TargetText(TargetOf(write)));
    PrintCopies(evidence);
    const Target target = TargetOf(write);
    if (target == Target::kPartition || target == Target::kRange) return;
    const RowUpdate& row = RowOf(write);
    if (!row.deletion.live()) Line("deletes the row", "all that was written until " + TimeText(row.deletion.at));
    if (!row.liveness.none()) Line("row marker", Text(JudgeLiveness(judged, row.liveness, now_)));
    for (const ComplexDeletion& complex : row.complex_deletions) {
      Line(schema_.column(complex.column).name + " emptied",
           "of all that was written until " + TimeText(complex.deletion.at));
    }
    for (const Cell& cell : row.cells) Line(CellText(cell), Text(JudgeCell(schema_, judged, cell, now_)));
  }

  static const char* TargetText(Target target) {
    switch (target) {
      case Target::kPartition:
        return "deletes the partition";
      case Target::kRange:
        return "deletes a range of rows, this one in it";
      case Target::kStatic:
      case Target::kRow:
        return "write";
    }
    return "";
  }

  void PrintCopies(const Evidence& evidence) {
    out_ += fmt::format("    {} cop{}:", evidence.copies.size(), evidence.copies.size() == 1 ? "y" : "ies");
    for (const Copy& copy : evidence.copies) {
      out_ += fmt::format(" {}@{}:{}{}", homes_[copy.position.node.value].name, copy.position.segment.value,
                          copy.position.offset, copy.whole ? "" : " (in part)");
    }
    out_ += '\n';
  }

  void Line(const std::string& what, const std::string& verdict) {
    out_ += fmt::format("    {:<44} {}\n", what, verdict);
  }

  static std::string Text(const Judgement& judgement) {
    std::string text = judgement.wins ? "wins" : "loses";
    if (judgement.wins && judgement.expired) text = "wins, but has run out";
    text += fmt::format(": {}", RuleText(judgement.rule));
    if (!judgement.against.none()) {
      text += fmt::format(" ({} {})", judgement.wins ? "than" : "of", TimeText(judgement.against));
    }
    return text;
  }

  std::string CellText(const Cell& cell) const {
    const Column& column = schema_.column(cell.column);
    std::string text = column.name;
    const Type* type = column.type.get();
    if (column.multi_cell()) {
      type = ElementType(*column.type, cell.path);
      text += '[';
      AppendJsonValue(PathType(*column.type), cell.path, &text);
      text += ']';
    }
    if (cell.kind == CellKind::kTombstone) return text + " deleted";
    if (column.type->kind == TypeKind::kCounter) {
      const CounterShard shard = LatestShard(cell.value);
      return text + fmt::format(" = {} at clock {}", shard.count, shard.clock);
    }
    if (type != nullptr) {
      text += " = ";
      AppendJsonValue(*type, cell.value, &text);
    }
    if (cell.kind == CellKind::kExpiring) text += fmt::format(" (TTL {} s)", cell.ttl_s);
    return text;
  }

  std::string KeyText(const Mutation& any, const std::string& clustering) const {
    std::string text;
    const auto append = [&](ColumnId id, ByteView value) {
      const Column& column = schema_.column(id);
      text += text.empty() ? "" : ", ";
      text += column.name + "=";
      AppendJsonValue(*column.type, value, &text);
    };
    PartitionKeyReader partition(schema_.partition_key.size(), any.partition_key);
    for (const ColumnId id : schema_.partition_key) append(id, partition.Next().value_or(ByteView()));
    ClusteringReader rest(clustering);
    for (const ColumnId id : schema_.clustering) {
      const auto value = rest.Next();
      if (!value.has_value()) break;
      append(id, value->bytes);
    }
    return text;
  }

  const TableSchema& schema_;
  const std::vector<NodeHome>& homes_;
  const UnixSeconds now_;
  std::string out_;
};

}  // namespace

Result<std::string> Explain(const ExplainOptions& options) {
  ASSIGN_OR_RETURN(std::vector<NodeHome> homes, OpenNodeHomes(options.nodes));
  TRY(FindLogs(&homes));
  LogReport report;
  ASSIGN_OR_RETURN(const LoadedSchema schema, LoadSchema(homes, {options.table}, TableKinds::kCaptured));
  const TableSchemaPtr& table = schema.tables.front();
  SchemaSet definitions;
  definitions.Add(table);

  ASSIGN_OR_RETURN(const RowKeyPattern pattern, RowKeyPattern::Parse(*table, options.key));
  EvidenceCollector collector(pattern, definitions, options.now);
  TRY(ReadLogs(homes, schema, options.on_corruption, &collector, &report));
  ASSIGN_OR_RETURN(const std::vector<Evidence> evidence, collector.Join());
  std::string text = Explainer(*table, homes, options.now).Print(evidence);
  if (text.empty()) {
    return NotFound(fmt::format("no log of {} node{} has a write to {} with the key '{}'", homes.size(),
                                homes.size() == 1 ? "" : "s", options.table, options.key));
  }
  for (const std::string& line : report.damage) text += "NOT READ: " + line + "\n";
  return text;
}

}  // namespace braid
