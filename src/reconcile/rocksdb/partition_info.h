// What RocksState keeps under a partition's key. Layout: docs/formats/state.md.
#pragma once

#include <string>

#include "base/arena.h"
#include "base/result.h"
#include "model/row_state.h"

namespace braid {

// A partition's record: its header, if there is one; when the first of its rows is due, so that the timers need not be
// searched each time; and its row with the empty key, so that a partition of a table without clustering columns is one
// record.
struct PartitionInfo {
  bool has_header = false;
  bool has_rows = false;  // with keys, or had once
  UnixSeconds first_due;
  PartitionHeader header;
  ByteView row;  // encoded; empty if there is none

  bool empty() const { return !has_header && !has_rows && first_due.never() && row.empty(); }
};

void AppendPartitionInfo(std::string* to, const PartitionInfo& info);
// Points into `bytes` and into `arena`. Errors: kCorrupt, kUnsupported (version).
Result<PartitionInfo> ReadPartitionInfo(ByteView bytes, Arena* arena);

}  // namespace braid
