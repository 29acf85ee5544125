// One row's transition after reconciliation: what a stream is made of.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "model/mutation.h"
#include "model/position.h"
#include "model/schema.h"
#include "model/time.h"

namespace braid {

enum class Op : uint8_t { kCreate = 0, kUpdate = 1, kDelete = 2, kRead = 3, kTruncate = 4 };

enum class Cause : uint8_t {
  kWrite = 0,
  kDelete = 1,  // of the row itself
  kRangeDelete = 2,
  kPartitionDelete = 3,
  kTtl = 4,
  kTruncate = 5,
  kSchema = 6,  // it lived only by a column that was dropped
  kBackfill = 7,
  kRepair = 8,
};

enum class RowKind : uint8_t {
  kRegular = 0,
  kStatic = 1,  // the partition's static columns are a row of their own
  kRange = 2,   // not a row: the deletion of a range in which not every row is known
};

enum class SnapshotMark : uint8_t { kFalse = 0, kFirst = 1, kTrue = 2, kLast = 3 };

// A column's value within an image. A collection of cells is given in its frozen form, elements in CQL's order.
struct ColumnValue {
  ColumnId column;
  bool null = true;
  ByteView value;
};

// A whole row at one time: every column of its kind (regular or static) that the schema has, in the order of
// TableSchema::regulars or ::statics, less those listed as unknown. Key columns are not in it: Change has them.
struct Image {
  std::span<const ColumnValue> columns;
};

struct Change {
  Sequence sequence;
  const TableSchema* schema = nullptr;
  Token token;
  ByteView partition_key;
  RowKind row = RowKind::kRegular;
  ByteView clustering;  // as RowUpdate::clustering; empty for static and range
  Bound range_start;    // of RowKind::kRange only
  Bound range_end;
  Op op = Op::kUpdate;
  Cause cause = Cause::kWrite;
  WriteTime ts;     // of the write; for kTtl the second of expiry
  Position origin;  // the least of the write's copies that were known; none where nobody wrote (kTtl)
  uint64_t revision = 0;
  // Columns that the write touched, or whose cells expired; by id.
  std::span<const ColumnId> written;
  bool complete = true;
  std::span<const ColumnId> unknown;  // by id; left out of the images
  bool late = false;
  // False: with publish_when quorum, no majority of the replicas had logged the write when it was due.
  bool confirmed = true;
  SnapshotMark snapshot = SnapshotMark::kFalse;
  // nullptr: the row did not exist. Of an incomplete row's first sight `before` is an image without columns.
  const Image* before = nullptr;
  const Image* after = nullptr;
};

// Whether the image, one of the Change's, has every column: none of those that are unknown was left out of it.
inline bool IsWhole(const Change& change, const Image& image) {
  return std::ranges::all_of(change.unknown, [&](ColumnId id) {
    return std::ranges::find(image.columns, id, &ColumnValue::column) != image.columns.end();
  });
}

}  // namespace braid
