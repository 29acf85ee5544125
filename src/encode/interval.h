// Durations as Debezium writes intervals. Internal to the room.
#pragma once

#include <string>

#include "base/bytes.h"

namespace braid {

// Appends "P1Y2M3DT4H5M6.789S" for the canonical bytes of a duration: months as years and months, nanoseconds as hours,
// minutes and seconds, each part with its own sign, so that no two durations look alike. False, with nothing appended,
// if the bytes are no duration.
// Learned from io.debezium.time.Interval.
bool AppendInterval(ByteView duration, std::string* out);

}  // namespace braid
