// The binary form of a Commit, for hosts that must send or store it as one record. Layout: docs/formats/commit.md.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "model/commit.h"

namespace braid {

// Appends one commit, with its magic and checksum.
void AppendCommit(std::string* to, const Commit& commit);

// Reads exactly one commit, which owns all that it holds. Errors: kCorrupt (also if the checksum does not fit),
// kUnsupported (version).
Result<Commit> DecodeCommit(ByteView bytes);

}  // namespace braid
