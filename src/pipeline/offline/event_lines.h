// Changes as the lines of the files that a command writes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "encode/json.h"
#include "pipeline/offline/node_home.h"
#include "pipeline/offline/table_output.h"
#include "reconcile/change_sink.h"

namespace braid {

// Numbers the changes of all tables and appends each as a line to the output's current file.
class EventLines : public ChangeSink {
 public:
  // Both must outlive it.
  EventLines(const EventContext& context, TableOutput* output) : context_(context), output_(output) {}

  // To be called with each file that the output begins.
  void BeginTable() { changes_ = 0; }
  Status Emit(const Change& change) override;

  // Of the current table.
  uint64_t changes() const { return changes_; }

 private:
  const EventContext& context_;
  TableOutput* output_;
  std::string line_;
  uint64_t next_ = 1;
  uint64_t changes_ = 0;
};

// What the events of the nodes `homes` say of where they come from.
EventContext ContextOf(const std::string& pipeline, const std::vector<NodeHome>& homes);

}  // namespace braid
