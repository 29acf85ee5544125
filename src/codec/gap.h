// The binary form of a gap. Layout: docs/formats/gap.md.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "model/gap.h"

namespace braid {

// Appends one gap. One gap has one form.
void AppendGap(std::string* to, const Gap& gap);

// Reads exactly one gap, which owns all that it holds. Errors: kCorrupt, kUnsupported (version).
Result<Gap> DecodeGap(ByteView bytes);

}  // namespace braid
