// What every event has, whatever it tells of. Internal to the room: its door is encode/json.h.
#pragma once

#include <cstdint>
#include <string>

#include "encode/json.h"
#include "model/position.h"
#include "model/time.h"

namespace braid {

// Milliseconds since 1970, towards the past, or null.
void AppendMilliseconds(WriteTime at, std::string* out);

// Microseconds since 1970, or null.
void AppendMicroseconds(WriteTime at, std::string* out);

// The beginning of the object "source": which program and pipeline speak. Without braces, ends after a value.
void AppendSourceHead(const EventContext& context, std::string* out);

// The end of an event, from the comma after "source" to the closing brace. `at` is the time of what happened.
void AppendEventTail(const Sequence& sequence, WriteTime at, const EventContext& context, std::string* out);

}  // namespace braid
