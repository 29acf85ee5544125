// The partitions of an SSTable, in order, as Mutations.
// Learned from org.apache.cassandra.io.sstable.SSTableSimpleIterator and format.SortedTablePartitionWriter; rows are
// read by cassandra/rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "cassandra/rows/row_reader.h"
#include "cassandra/sstable/data_window.h"
#include "cassandra/sstable/index.h"
#include "cassandra/sstable/sstable.h"
#include "model/mutation.h"

namespace braid {

struct ScanOptions {
  // Only partitions with these tokens. The scan begins at the last partition before them that the index knows, proves
  // by the data that it is one, and passes over it; without an index, or with a damaged one, it begins with the file.
  TokenRange tokens;
  // Columns whose cells are stepped over.
  std::vector<ColumnId> excluded;
  // A partition is given in pieces of at most so many rows and ranges: by default as many as the processor's caches
  // hold from reading them to using them …
  size_t piece_rows = 128;
  // … and of about so many bytes of the data: at least one row, and none more once they are passed.
  size_t piece_bytes = 1 << 20;
  // So much of the data is read ahead; about twice as much is held. Less than a row or a chunk is no limit to either.
  size_t window_bytes = 256 << 10;
  // A row or marker beyond this is taken for damage, rather than memory for it.
  size_t max_row_bytes = 1 << 30;
};

// A partition, or a part of a large one.
struct SstablePiece {
  // `partition_deletion` and the static row are in a partition's first piece only. Range deletions that reach across
  // pieces are cut where the pieces meet, so that each piece is complete for the rows between its neighbours. Columns
  // that were dropped since are left out, as in any decoder; a piece may say nothing at all. `position` is not set.
  Mutation mutation;
  bool first = true;
  bool last = true;
  uint64_t partition_offset = 0;  // in the uncompressed data
};

// Goes through one SSTable once. Needs memory for a piece and a window on the data. Not thread-safe.
class SstableScanner {
 public:
  // `schema` must list every column that the file has, dropped ones too; the types by which values are framed are the
  // file's own. `sstable` must outlive the scanner. Errors: kNotFound (a column that the schema does not know: it is
  // older than the file), kCorrupt (the schema and the file contradict each other), kUnsupported (a partitioner other
  // than Murmur3Partitioner).
  static Result<std::unique_ptr<SstableScanner>> Open(const Sstable* sstable, TableSchemaPtr schema,
                                                      ScanOptions options = {});

  // The next piece, or nullptr at the end. It lives until the next call. Partitions come by token, then by key; pieces
  // of one follow one another. Errors: kCorrupt, with file and offset; kIoError. After an error the scan is over,
  // unless SkipDamage() finds a way on; what was given before it stands.
  Result<const SstablePiece*> Next();

  // After an error: goes to the next partition that the index knows behind the damage. Gives how many bytes of data
  // were passed over, or nothing if there is no way on: then all from the damaged partition's offset to the end is
  // lost. A damaged partition may have been given in part. Errors: kCorrupt, if the index is damaged too; kIoError.
  Result<std::optional<uint64_t>> SkipDamage();

  const TableSchema& schema() const { return *schema_; }
  // How many bytes of the uncompressed data the scan has passed since its range began, of how many: for progress. Where
  // the range ends before the file does, length() is a guess until the end is met.
  uint64_t position() const { return window_.position() - range_begin_; }
  uint64_t length() const { return std::max(range_end_, window_.position()) - range_begin_; }

 private:
  SstableScanner(const Sstable* sstable, TableSchemaPtr schema, ClusteringLayout layout, ScanOptions options);

  // Goes to where the range of tokens begins.
  Status Seek();
  // The token of the key at the window's position, or nothing if that is not what the index has for `place`.
  Result<std::optional<Token>> TokenAt(const PartitionPlace& place);
  // Whether a partition of a token before the range begins at `place`: then the window stands there.
  Result<bool> Proves(const PartitionPlace& place);
  // Reads a piece into rows_ and ranges_. False if there is none left, in the file or in the range.
  Result<bool> ReadNextPiece();
  Status BeginPartition();
  Status ReadStaticRow();
  Status ReadPiece();
  // Reads one row or marker with whatever of the window it takes. kEnd: the partition has ended.
  Result<RowReader::Kind> ReadRecord(bool statics, RowUpdate* row, RangeMarker* marker);
  // The same with what the window has. False if that does not parse: then reason_ says why.
  bool TryRecord(bool statics, RowUpdate* row, RangeMarker* marker, RowReader::Kind* kind);
  Status TakeMarker(const RangeMarker& marker);
  // Cuts the range that is open between this piece and the next.
  void CutOpenRange();
  // Takes over into this piece the range that was open at the end of the last.
  void CarryOpenRange();
  bool PieceFull(uint64_t piece_start) const;
  Error Damaged(const std::string& what) const;

  const Sstable* sstable_;
  std::unique_ptr<ChunkReader> chunks_;
  TableSchemaPtr schema_;
  ScanOptions options_;
  ClusteringLayout layout_;
  ColumnList statics_;
  ColumnList regulars_;
  DeletionTimes times_;
  RowReader reader_;
  RangePairer pairer_;
  DataWindow window_;
  IndexReader index_;
  Arena arena_;

  uint64_t range_begin_ = 0;
  uint64_t range_end_ = 0;
  bool sought_ = false;
  bool range_over_ = false;

  // The partition under way.
  bool in_partition_ = false;
  bool failed_ = false;
  bool any_partition_ = false;
  std::string key_;
  Token token_;
  // The last row's key, and what holds it between pieces.
  std::optional<ByteView> last_row_;
  std::string last_row_carried_;
  std::string open_cut_carried_;
  std::string open_values_carried_;

  // The piece under way.
  SstablePiece piece_;
  std::vector<RowUpdate> rows_;  // of which row_count_ count; the others are to be used again
  size_t row_count_ = 0;
  RangeMarker marker_;
  const char* reason_ = nullptr;  // why the last record did not parse
  std::vector<RangeDeletion> ranges_;
};

}  // namespace braid
