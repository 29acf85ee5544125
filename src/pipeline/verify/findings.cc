#include "pipeline/verify/findings.h"

#include <utility>

#include "encode/json.h"

namespace braid {

void Findings::Add(Fault fault, const Change& row, uint64_t n, std::string detail, std::span<const ColumnId> columns) {
  ++verdict_->faults[static_cast<size_t>(fault)];
  if (verdict_->findings.size() >= most_) return;
  Finding& finding = verdict_->findings.emplace_back();
  finding.fault = fault;
  finding.table = row.schema->FullName();
  finding.is_static = row.row == RowKind::kStatic;
  AppendKeyJson(row, &finding.key);
  finding.sequence = {verdict_->epoch, shard_, n};
  for (const ColumnId id : columns) finding.columns.push_back(row.schema->column(id).name);
  finding.detail = std::move(detail);
}

}  // namespace braid
