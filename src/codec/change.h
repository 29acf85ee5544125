// The binary form of a row's transition. Layout: docs/formats/change.md.
#pragma once

#include <string>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/result.h"
#include "codec/schema.h"
#include "model/change.h"

namespace braid {

// Appends one change, all but its sequence: a sequence belongs to the log that the change stands in (a Commit, a
// timeline), which numbers its changes densely and so stores one for many. The definition is named by id:
// `change.schema->id` must be set. A value that is the same before and after is stored once.
void AppendChange(std::string* to, const Change& change);

// Reads exactly one change; it gets `sequence`. Its views are of `bytes`, its spans and images in `arena`, its schema
// of `schemas`: it lives as long as the shortest-lived of the three. Every column id is one of the schema's. Errors:
// kNotFound if `schemas` does not have the definition (the message names its id), kCorrupt, kUnsupported.
Result<Change> DecodeChange(ByteView bytes, Sequence sequence, const SchemaLookup& schemas, Arena* arena);

}  // namespace braid
