// Changes, gaps and values as JSON: the room's door. docs/formats/event.md and docs/formats/types.md say what is
// written.
//
// Pure functions: they append to *out and allocate nothing but its growth (and the digits of numbers that do not fit
// in 64 bits). The output is always valid JSON, whatever the bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "model/change.h"
#include "model/gap.h"
#include "model/type.h"

namespace braid {

// Appends `value`, the canonical bytes of a value of `type`, as JSON. Empty bytes of a type for which they are not a
// value of their own (all but text, ascii, blob and custom types) are null. Bytes that are not of the type give
// {"invalid":"BASE64"}: nothing is lost, and no reader takes it for a value.
void AppendJsonValue(const Type& type, ByteView value, std::string* out);

// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void AppendJsonString(std::string_view text, std::string* out);

// What an event says beyond its Change. Plain data; one for a whole stream.
struct EventContext {
  std::string pipeline;            // source.name
  std::string version;             // source.version: of the program
  std::vector<std::string> nodes;  // source.node: labels, by NodeIndex
  // Milliseconds since 1970 when the event is emitted. Without it the event's ts_ms is that of its write, so that a
  // replay's output is the same each time.
  std::optional<int64_t> emitted_ms;
};

// Appends `change` as one JSON object in the envelope of docs/formats/event.md version 1, without a line end.
// `change.schema` must be set, and `change.origin.node` within `context.nodes` (both CHECKed). Key bytes that do not
// parse give {"invalid":"BASE64"} for the first key column and null for the others.
void AppendEventJson(const Change& change, const EventContext& context, std::string* out);

// Appends the key of the change's row as its event has it: {"id":7,"n":1}; null for kTruncate. Of `change` the schema,
// the row's kind, the partition key and the clustering count.
void AppendKeyJson(const Change& change, std::string* out);

// Appends `gap` as one JSON object, without a line end: the control event of docs/formats/event.md. `gap.node` must be
// within `context.nodes` (CHECKed).
void AppendGapJson(const Gap& gap, const Sequence& sequence, const EventContext& context, std::string* out);

// The reason's name as events have it, e.g. "lost_segment". Static lifetime.
const char* GapReasonName(GapReason reason);

}  // namespace braid
