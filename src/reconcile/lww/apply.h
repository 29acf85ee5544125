// How a write changes a partition, and what there is to say about it: pure functions of a header, rows, the write and
// the time. They do no I/O: a host reads what PlanOf asks for, calls them, stores the deltas and passes the Changes on.
//
// Every result points into the arena and the arguments. `now` never goes back for one row.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "model/change.h"
#include "model/mutation.h"
#include "model/row_state.h"
#include "reconcile/lww/place.h"
#include "reconcile/lww/write.h"

namespace braid {

// What must be read before a write can be applied, besides the partition's header.
struct Plan {
  Target target = Target::kRow;
  RowRef row;  // for kRow and kStatic; of a partition deletion the static row
};
Plan PlanOf(const Mutation& write);

// What became of one write, or of one row under a deletion.
enum class Verdict : uint8_t {
  kCopy,       // the state had it
  kOvertaken,  // something stronger was there
  kSilent,     // the state changes, but no row that exists
  kChange,     // one Change
};

// The header of a partition that the state does not have.
PartitionHeader FreshHeader(bool history_known);

struct RowOutcome {
  Verdict verdict = Verdict::kCopy;
  // Only where the verdict is kSilent or kChange: the row's new state and its timer.
  RowState state;
  bool forget = false;  // nothing is left to remember of it
  UnixSeconds due_before;
  UnixSeconds due_after;
  // kChange only. What `change` points to lives in the arena.
  Change change;
};

// Applies a write of a row or of the static row. `row` is its state, nullptr if there is none. Updates the clocks of
// `header`. Errors: kUnsupported and kCorrupt for counters, naming the table.
Result<RowOutcome> ApplyToRow(PartitionHeader* header, const RowState* row, const Mutation& write, UnixSeconds now,
                              Arena* arena);

// The next second at which something of the row runs out that was not announced; Never if there is none.
UnixSeconds NextExpiry(const RowState& row);

// Takes a row to its NextExpiry, which must have come. Updates `header`'s last_emitted. The verdict is kSilent or
// kChange.
RowOutcome ExpireRow(const TableSchema& schema, Token token, ByteView partition_key, PartitionHeader* header,
                     const RowRef& ref, const RowState& row, Arena* arena);

// What a change of the table's definition from `before` to `after` does to a row. A kChange (cause kSchema) if it lived
// only by cells that `after` says were dropped (kDelete, at the time of the drop, seen by `before`: what it was; those
// cells go from its state, so that it is told of once), or lives again because a column is back that was written to
// after its drop, in Cassandra's eyes (kCreate, at the time of that write, seen by `after`). kCopy if nothing of that
// is so. What was due by `now` must have been announced. Updates `header`'s last_emitted. The schemas must outlive the
// Change.
RowOutcome RedefineRow(const TableSchema& before, const TableSchema& after, Token token, ByteView partition_key,
                       PartitionHeader* header, const RowRef& ref, const RowState& row, UnixSeconds now, Arena* arena);
// False if RedefineRow finds nothing whatever the row: no column was dropped or came back.
bool RedefinesRows(const TableSchema& before, const TableSchema& after);

// What a TRUNCATE at `at` does to a row that exists at `now`, known in part or whole: a kChange (kDelete, kTruncate),
// and nothing is left of it. kCopy of one that does not exist. Updates `header`'s last_emitted. The schema must outlive
// the Change.
RowOutcome TruncateRow(const TableSchema& schema, Token token, ByteView partition_key, PartitionHeader* header,
                       const RowRef& ref, const RowState& row, WriteTime at, UnixSeconds now, Arena* arena);

// The walk of a partition or range deletion over the rows that it may end, in chunks: as much memory for ten million
// rows as for ten. After each chunk the header says how far the deletion has come, so a commit may stand between two
// chunks, and the deletion, applied again, takes up where it was.
//
//   DeletionWalk walk(header, write);
//   if (walk.wants_static()) … walk.ApplyTo(the static row)
//   while (!walk.done()) {
//     read some rows of walk.range(); walk.ApplyTo(each); walk.EndChunk(…); store the deltas and the header
//   }
//   walk.RangeChange()
class DeletionWalk {
 public:
  // `header` is the partition's, needed only during the call; `write` must outlive the walk.
  DeletionWalk(const PartitionHeader& header, const Mutation& write);

  // kCopy or kOvertaken: the deletion is no news, done() is true and nothing is to be stored. Else kSilent: walk.
  Verdict verdict() const { return verdict_; }
  bool done() const { return done_; }

  // True if the static row is to be given to ApplyTo first.
  bool wants_static() const { return target_ == Target::kPartition && verdict_ == Verdict::kSilent; }
  // The rows to read next: as many as one likes from its beginning.
  const KeyRange& range() const { return range_; }

  // Applies the deletion to one row: kCopy if nothing of it goes. Updates `header`'s clocks.
  Result<RowOutcome> ApplyTo(const RowRef& ref, const RowState& row, UnixSeconds now, PartitionHeader* header,
                             Arena* arena) const;

  // Ends a chunk: all rows of range() up to `last_key` (nullopt: to its end) have been given to ApplyTo. Sets
  // `header`'s deletions to what is true from now on, and goes on to the next chunk or is done.
  void EndChunk(std::optional<ByteView> last_key, PartitionHeader* header, Arena* arena);

  // When done: the Change that tells of the whole range, if not every row in it was known. Updates `header`.
  std::optional<Change> RangeChange(PartitionHeader* header) const;

 private:
  // A stretch of keys in which no deletion as strong is in force.
  struct Piece {
    std::string from;
    std::string to;
    bool unbounded = false;
  };

  Verdict Judge(const PartitionHeader& header) const;
  void FindPieces(const PartitionHeader& header);
  void EnterPiece();

  const Mutation& write_;
  const Target target_;
  const Deletion deletion_;
  const WriteTime emitted_before_;  // the header's last_emitted when the walk began
  Verdict verdict_;
  bool done_ = false;
  bool unknown_rows_ = false;
  std::vector<Piece> pieces_;
  size_t piece_ = 0;
  std::string cursor_;
  KeyRange range_;
};

// When deletions may be forgotten.
struct PurgeLimits {
  UnixSeconds now;
  int64_t gc_grace_s = 0;
  // Every source has been read past all writes older than this (the slack taken off already).
  WriteTime sources_passed;
  // A gap or a backfill is open on the table: nothing may be forgotten.
  bool open_gap = false;
};

// The row without the tombstones and expired cells that may be forgotten; nullopt if nothing is left to remember: then
// the row's revision is forgotten too. A live row keeps everything that is live.
std::optional<RowState> PurgeRow(const TableSchema& schema, const RowState& row, const PurgeLimits& limits,
                                 Arena* arena);
// The header without deletions that may be forgotten. Only for a partition whose rows have all been purged by the same
// limits; not changed if it is not complete.
PartitionHeader PurgeHeader(const PartitionHeader& header, const PurgeLimits& limits, Arena* arena);

}  // namespace braid
