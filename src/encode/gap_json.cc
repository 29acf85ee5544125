#include "base/check.h"
#include "encode/event_text.h"
#include "encode/json.h"
#include "encode/json_text.h"

namespace braid {
namespace {

constexpr const char* kReasons[] = {"corrupt", "lost_segment", "overflow", "unknown_schema", "not_logged", "retired"};

void AppendGapEnd(const Position& position, std::string* out) {
  if (position.none()) {
    out->append("null");
    return;
  }
  out->push_back('"');
  AppendInteger(position.segment.value, out);
  out->push_back(':');
  AppendInteger(position.offset, out);
  out->push_back('"');
}

}  // namespace

const char* GapReasonName(GapReason reason) {
  return kReasons[static_cast<size_t>(reason)];
}

void AppendGapJson(const Gap& gap, const Sequence& sequence, const EventContext& context, std::string* out) {
  CHECK(gap.node.value < context.nodes.size());
  out->append(R"({"key":null,"op":"m","before":null,"after":null,"source":{)");
  AppendSourceHead(context, out);
  out->append(",\"ts_us\":");
  AppendMicroseconds(gap.seen_at, out);
  out->append(",\"ts_ms\":");
  AppendMilliseconds(gap.seen_at, out);
  out->append("},\"gap\":{\"id\":");
  AppendInteger(gap.id, out);
  out->append(gap.open ? ",\"state\":\"open\",\"reason\":\"" : ",\"state\":\"closed\",\"reason\":\"");
  out->append(GapReasonName(gap.reason));
  out->append("\",\"node\":");
  AppendJsonString(context.nodes[gap.node.value], out);
  out->append(",\"from\":");
  AppendGapEnd(gap.from, out);
  out->append(",\"to\":");
  AppendGapEnd(gap.to, out);
  out->append(",\"table\":");
  if (gap.table.empty()) {
    out->append("null");
  } else {
    AppendJsonString(gap.table, out);
  }
  out->append(",\"detail\":");
  AppendJsonString(gap.detail, out);
  out->push_back('}');
  AppendEventTail(sequence, gap.seen_at, context, out);
}

}  // namespace braid
