// `braid inspect timeline`: what is in a partition of a timeline, or in one of its segments.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace braid {

// Prints, as JSON lines, the committed bounds of the partition whose directory `path` is, its segments, their batches,
// and in each batch the definitions and records; of a segment file the same without the bounds. All that a file holds
// is printed, also what is not committed. The lines' forms are in docs/formats/timeline.md. Nodes are not known by name
// here: they are "node0", "node1", …
//
// Where a file is damaged or ends early, that goes to `warn`, one line each, and the next file follows. Errors:
// kNotFound (there is nothing at `path`, or no segment in it), kIoError.
Status InspectTimeline(const std::string& path, const std::function<void(std::string_view)>& print,
                       const std::function<void(std::string_view)>& warn);

}  // namespace braid
