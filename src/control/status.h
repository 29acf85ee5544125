// A moment's view of a running pipeline, as JSON and for people. `braid status` is made of these.
#pragma once

#include <string>

#include "base/result.h"
#include "pipeline/run/config.h"
#include "pipeline/run/stats.h"

namespace braid {

// One JSON object with a line end after it. Its keys: docs/OPERATIONS.md. Pure.
std::string RenderStatusJson(const RunStats& stats);

// Asks the pipeline of this configuration that runs now, at the address of its `http.listen`. Gives what
// RenderStatusJson made there. Errors, each with the cure: kInvalidArgument (the configuration has no `http`),
// kTransient (nothing answers, or not in time), kCorrupt (something else answers there, or another pipeline).
Result<std::string> FetchStatus(const Config& config);

// The same as a page of text. What the JSON lacks is left out: an older or newer Braid may have made it. kCorrupt if
// it is no JSON object.
Result<std::string> RenderStatus(const std::string& json);

}  // namespace braid
