// The binary form of what reconciliation remembers: a row's state and a partition's header.
// Layout: docs/formats/row-state.md.
//
// Made to be small (an ordinary live cell costs its value and 2 or 3 bytes more) and fast (one pass, no table
// definition needed, values are views of the record). One state has one form: equal states give equal bytes, so a host
// may skip the write of a record whose bytes did not change.
#pragma once

#include <cstdint>
#include <string>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/result.h"
#include "model/row_state.h"

namespace braid {

// A limit that lets every column id through.
inline constexpr uint32_t kAnyColumn = 65536;

// Appends the state's form. Cells and complex deletions must be ordered as RowState says. Left out, because they mean
// nothing: the TTL and expiry of a liveness that is none, the local second of a deletion that is live, `ttl_s` of a
// cell that is not expiring, `local_deletion` of a live one, `unknown` of a complete row.
void AppendRowState(std::string* to, const RowState& state);

// Reads exactly one state. Its views are of `bytes`, its spans are in `arena`: it lives as long as the shorter-lived of
// the two. Column ids at or above `column_limit` are kCorrupt: give the number of columns of the definition that will
// be used to look them up. Errors: kCorrupt, kUnsupported (version).
Result<RowState> DecodeRowState(ByteView bytes, uint32_t column_limit, Arena* arena);

// As AppendRowState; `ranges` must be as PartitionHeader says.
void AppendPartitionHeader(std::string* to, const PartitionHeader& header);

// As DecodeRowState.
Result<PartitionHeader> DecodePartitionHeader(ByteView bytes, Arena* arena);

}  // namespace braid
