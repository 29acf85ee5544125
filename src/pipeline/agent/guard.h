// Within pipeline/agent: what looks after a node's cdc_raw while nothing can be sent.
#pragma once

#include <string>
#include <vector>

#include "capture/node_capture.h"
#include "capture/schema_registry.h"

namespace braid {

// Takes nothing in. A capture that is stepped without room, with this sink, only guards its node: what it lets go it
// keeps in its file, and tells again when another capture is opened in its place.
class GuardSink : public CaptureSink {
 public:
  Status OnTransaction(const Transaction& /*transaction*/) override { return {}; }
  Status OnTruncation(const Truncation& /*truncation*/) override { return {}; }
  Status OnGap(const Gap& /*gap*/) override { return {}; }
  Status OnProgress(const CaptureProgress& /*progress*/) override { return {}; }
};

// Knows no table: for captures that read nothing.
class NoDefinitions : public SchemaRegistry {
 public:
  Result<std::vector<Event>> Refresh() override { return std::vector<Event>(); }
  uint64_t version() const override { return 0; }
  const TableSchema* FindTable(const TableId& /*id*/) const override { return nullptr; }
  const TableSchema* Find(SchemaId /*id*/) const override { return nullptr; }
  std::vector<const TableSchema*> CapturedTables() const override { return {}; }
  std::string WhyUnreadable(const TableId& /*id*/) const override { return {}; }
  bool HistoryKnown(const TableId& /*id*/) const override { return false; }
  Status MarkHistoryKnown(const TableId& /*id*/) override { return {}; }
  Status MarkHistoryLogged(const TableId& /*id*/) override { return {}; }
};

}  // namespace braid
