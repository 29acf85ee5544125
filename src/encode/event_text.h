// What every event has, whatever it tells of. Internal to the room: its door is encode/json.h.
#pragma once

#include <cstdint>
#include <string>

#include "encode/json.h"
#include "model/change.h"
#include "model/position.h"
#include "model/time.h"

namespace braid {

// The words that events have for what a Change says. Static lifetime.
const char* OpName(Op op);
const char* CauseName(Cause cause);
const char* RowName(RowKind row);
const char* SnapshotName(SnapshotMark mark);

// Whether readers see null: a non-frozen collection without elements is no collection to CQL.
bool ReadsAsNull(const Type& column_type, const ColumnValue& value);

// Milliseconds since 1970, towards the past. Not of "never".
int64_t FloorMilliseconds(WriteTime at);

// "EPOCH:PARTITION:N", without quotes.
void AppendSequence(const Sequence& sequence, std::string* out);

// Milliseconds since 1970, towards the past, or null.
void AppendMilliseconds(WriteTime at, std::string* out);

// Microseconds since 1970, or null.
void AppendMicroseconds(WriteTime at, std::string* out);

// The beginning of the object "source": which program and pipeline speak. Without braces, ends after a value.
void AppendSourceHead(const EventContext& context, std::string* out);

// The end of an event, from the comma after "source" to the closing brace. `at` is the time of what happened.
void AppendEventTail(const Sequence& sequence, WriteTime at, const EventContext& context, std::string* out);

}  // namespace braid
