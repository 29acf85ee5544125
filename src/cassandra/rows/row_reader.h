// Rows and range tombstone markers, as mutations and SSTables write them.
//
// Learned from org.apache.cassandra.db.rows.UnfilteredSerializer and Cell.Serializer, db.Columns.Serializer and
// db.ClusteringBoundOrBoundary.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/cursor.h"
#include "cassandra/rows/clustering.h"
#include "cassandra/rows/header.h"
#include "model/mutation.h"

namespace braid {

// The kinds of bounds that markers have, as they are written (org.apache.cassandra.db.ClusteringPrefix.Kind).
enum class BoundKind : uint8_t {
  kExclEnd = 0,
  kInclStart = 1,
  kExclEndInclStart = 2,
  kInclEndExclStart = 5,
  kInclEnd = 6,
  kExclStart = 7,
};

// Cassandra's name of it, e.g. "EXCL_END_INCL_START". Static lifetime.
const char* BoundKindName(BoundKind kind);

// Where a range deletion ends, begins, or one ends and the next begins.
struct RangeMarker {
  BoundKind kind = BoundKind::kInclStart;
  // Cut and values; `inclusive` is that of the start if there is one, else that of the end.
  Bound bound;
  // None if the kind closes no range.
  std::optional<Deletion> closes;
  std::optional<Deletion> opens;
};

// Makes ranges from the markers of one partition, in order.
class RangePairer {
 public:
  // Takes a marker. Gives the range that it closes, if any; nullopt with error() set if it does not fit what is open.
  // The start of the range given is that of the marker that opened it: the caller keeps its bytes alive until then.
  std::optional<RangeDeletion> Take(const RangeMarker& marker);

  // Why the last marker did not fit: a static string, or nullptr.
  const char* error() const { return error_; }
  // The range that is open and not yet closed, or nullptr. Its bytes may be moved elsewhere through it.
  RangeDeletion* open() { return open_ ? &*open_ : nullptr; }

  // Forgets everything: a new partition begins.
  void Reset() {
    open_.reset();
    error_ = nullptr;
  }

 private:
  std::optional<RangeDeletion> open_;
  const char* error_ = nullptr;
};

// Reads what is in a partition, one row or marker at a time. Everything that it fills in points into the bytes read, or
// lives in the arena given. Not thread-safe; allocates nothing of its own once warm.
//
// What does not parse latches the cursor: the caller asks ok() of it after each call, before it believes anything.
class RowReader {
 public:
  enum class Kind : uint8_t {
    kEnd,     // no more in this partition; or the cursor failed
    kRow,     // *row is filled in
    kMarker,  // *marker is filled in
    kEmpty,   // a row that says nothing, because all of it is of dropped or excluded columns: *row is not filled in
  };

  // What is pointed to must outlive the reader.
  // `sized`: as in SSTables, two sizes stand between a clustering and a row's body.
  RowReader(ClusteringLayout* clustering, bool sized) : clustering_(clustering), sized_(sized) {}

  // Sets what the header of the partition or file says. `statics` may be nullptr if it has none.
  void SetHeader(const EncodingStats& stats, DeletionTimes times, const ColumnList* statics,
                 const ColumnList* regulars) {
    stats_ = stats;
    times_ = times;
    statics_ = statics;
    regulars_ = regulars;
  }

  // Reads the static row, which stands before all others. False if it says nothing (or the cursor failed).
  bool ReadStatic(Cursor* from, Arena* arena, RowUpdate* row);

  // Reads the next row or marker.
  Kind Next(Cursor* from, Arena* arena, RowUpdate* row, RangeMarker* marker);

 private:
  bool ReadBody(Cursor* from, uint8_t flags, const ColumnList& list, Arena* arena, RowUpdate* row);
  bool ReadSubset(Cursor* from, const ColumnList& list);
  void ReadMarker(Cursor* from, Arena* arena, RangeMarker* marker);
  void ReadSimpleCells(Cursor* from, std::span<const HeaderColumn> columns, Arena* arena, RowUpdate* row);
  void ReadMixedCells(Cursor* from, const ColumnList& list, bool all, bool deletions, Arena* arena, RowUpdate* row);

  void CopyById(const ColumnList& list, Arena* arena, RowUpdate* row);

  // A column's part of the buffers below.
  struct Slice {
    uint32_t first_cell = 0;
    uint32_t cells = 0;
    uint32_t first_complex = 0;
    uint32_t complex = 0;
  };

  ClusteringLayout* clustering_;
  bool sized_;
  DeletionTimes times_ = DeletionTimes::kSigned;
  EncodingStats stats_;
  const ColumnList* statics_ = nullptr;
  const ColumnList* regulars_ = nullptr;

  // Buffers of one row, kept for the next.
  std::vector<HeaderColumn> present_;
  std::vector<uint16_t> present_indexes_;
  std::vector<Cell> cells_;
  std::vector<ComplexDeletion> complex_;
  std::vector<Slice> slices_;
};

}  // namespace braid
