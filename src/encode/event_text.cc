#include "encode/event_text.h"

#include "encode/json_text.h"

namespace braid {

const char* OpName(Op op) {
  static constexpr const char* kNames[] = {"c", "u", "d", "r", "t"};
  return kNames[static_cast<size_t>(op)];
}

const char* CauseName(Cause cause) {
  static constexpr const char* kNames[] = {"write",  "delete",   "range_delete", "partition_delete", "ttl", "truncate",
                                           "schema", "backfill", "repair"};
  return kNames[static_cast<size_t>(cause)];
}

const char* RowName(RowKind row) {
  static constexpr const char* kNames[] = {"regular", "static", "range"};
  return kNames[static_cast<size_t>(row)];
}

const char* SnapshotName(SnapshotMark mark) {
  static constexpr const char* kNames[] = {"false", "first", "true", "last"};
  return kNames[static_cast<size_t>(mark)];
}

bool ReadsAsNull(const Type& column_type, const ColumnValue& value) {
  if (value.null) return true;
  return column_type.multi_cell() && column_type.kind != TypeKind::kUdt && value.value == ByteView("\0\0\0\0", 4);
}

int64_t FloorMilliseconds(WriteTime at) {
  return at.us / 1000 - (at.us % 1000 < 0 ? 1 : 0);
}

void AppendSequence(const Sequence& sequence, std::string* out) {
  AppendInteger(sequence.epoch, out);
  out->push_back(':');
  AppendInteger(sequence.partition, out);
  out->push_back(':');
  AppendInteger(sequence.n, out);
}

void AppendMilliseconds(WriteTime at, std::string* out) {
  if (at.none()) {
    out->append("null");
    return;
  }
  AppendInteger(FloorMilliseconds(at), out);
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
  AppendSequence(sequence, out);
  out->append("\",\"ts_ms\":");
  if (context.emitted_ms) {
    AppendInteger(*context.emitted_ms, out);
  } else {
    AppendMilliseconds(at, out);
  }
  out->push_back('}');
}

}  // namespace braid
