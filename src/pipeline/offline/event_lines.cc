#include "pipeline/offline/event_lines.h"

#include "base/version.h"

namespace braid {

Status EventLines::Emit(const Change& change) {
  Change numbered = change;
  numbered.sequence.n = next_++;
  ++changes_;
  line_.clear();
  AppendEventJson(numbered, context_, &line_);
  line_.push_back('\n');
  return output_->Append(line_);
}

EventContext ContextOf(const std::string& pipeline, const std::vector<NodeHome>& homes) {
  EventContext context;
  context.pipeline = pipeline;
  context.version = kVersion;
  for (const NodeHome& home : homes) context.nodes.push_back(home.name);
  return context;
}

}  // namespace braid
