#include "encode/event_text.h"

#include "encode/json_text.h"

namespace braid {

void AppendMilliseconds(WriteTime at, std::string* out) {
  if (at.none()) {
    out->append("null");
    return;
  }
  // Towards the past, as for the times after 1970.
  AppendInteger(at.us / 1000 - (at.us % 1000 < 0 ? 1 : 0), out);
}

void AppendMicroseconds(WriteTime at, std::string* out) {
  if (at.none()) {
    out->append("null");
  } else {
    AppendInteger(at.us, out);
  }
}

void AppendSourceHead(const EventContext& context, std::string* out) {
  out->append("\"connector\":\"cassandra\",\"version\":");
  AppendJsonString(context.version, out);
  out->append(",\"name\":");
  AppendJsonString(context.pipeline, out);
}

void AppendEventTail(const Sequence& sequence, WriteTime at, const EventContext& context, std::string* out) {
  out->append(",\"transaction\":null,\"sequence\":\"");
  AppendInteger(sequence.epoch, out);
  out->push_back(':');
  AppendInteger(sequence.partition, out);
  out->push_back(':');
  AppendInteger(sequence.n, out);
  out->append("\",\"ts_ms\":");
  if (context.emitted_ms) {
    AppendInteger(*context.emitted_ms, out);
  } else {
    AppendMilliseconds(at, out);
  }
  out->push_back('}');
}

}  // namespace braid
