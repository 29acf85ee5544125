// Points in time as users write them.
#pragma once

#include <string>

#include "base/result.h"
#include "model/time.h"

namespace braid {

// Reads RFC 3339, e.g. "2026-11-21T07:40:51Z" or "2026-11-21T08:40:51.5+01:00"; a fraction is cut off.
// kInvalidArgument, with an example, for anything else.
Result<UnixSeconds> ParseTimeArgument(const std::string& text);

}  // namespace braid
