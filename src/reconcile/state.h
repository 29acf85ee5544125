// The state of reconciliation, behind one interface: memory/ for replay and tests, rocksdb/ for what must last.
//
// A state holds partitions; a partition a header and rows by key, and for each row that has something to expire the
// second at which it is due. Not thread-safe: a shard's state belongs to one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "model/position.h"
#include "model/row_state.h"
#include "model/schema.h"
#include "reconcile/lww/place.h"

namespace braid {

// Names a partition; the view belongs to the caller.
struct PartitionRef {
  TableId table;
  Token token;
  ByteView key;
};

struct RowEntry {
  RowRef ref;
  RowState state;
};

// A row's new state. Its timer moves from the second `due_before` to `due_after`; Never means none. `due_before` must
// be what the last delta of this row said.
struct RowDelta {
  RowRef ref;
  const RowState* state = nullptr;  // nullptr: the row is to be forgotten
  UnixSeconds due_before;
  UnixSeconds due_after;
};

// What one step changes in one partition, all at once.
struct StateDelta {
  PartitionRef partition;
  const PartitionHeader* header = nullptr;  // nullptr: as it was
  bool erase_header = false;
  std::span<const RowDelta> rows;
};

struct DueRow {
  PartitionRef partition;
  RowRef ref;
  UnixSeconds due;
};

class State {
 public:
  virtual ~State() = default;

  // The partition's header, or nullptr if the state has none. What is returned lives until the next Write,
  // ForgetPartition or read of another partition, and no longer than `arena`'s content; so with the other reads.
  virtual Result<const PartitionHeader*> ReadHeader(const PartitionRef& partition, Arena* arena) = 0;
  virtual Result<const RowState*> ReadRow(const PartitionRef& partition, const RowRef& row, Arena* arena) = 0;

  // Appends the first `max_rows` rows in `range`, by key, to `rows`.
  virtual Status ReadRows(const PartitionRef& partition, const KeyRange& range, size_t max_rows, Arena* arena,
                          std::vector<RowEntry>* rows) = 0;

  // Makes all of `delta` true or, on an error, nothing. Copies what it keeps.
  virtual Status Write(const StateDelta& delta) = 0;

  // The partition's row that is due first (by second, then static row first, then key), if it is due at `now` or
  // before.
  virtual Result<std::optional<DueRow>> NextDue(const PartitionRef& partition, UnixSeconds now, Arena* arena) = 0;
  // The same over all partitions: by second, then table, token, partition key and row.
  virtual Result<std::optional<DueRow>> NextDueOfAll(UnixSeconds now, Arena* arena) = 0;

  // Drops everything that is known of the partition.
  virtual Status ForgetPartition(const PartitionRef& partition) = 0;

  // Drops everything that is known of the table. A timer of NextDueOfAll may outlive its row: whoever comes upon it
  // cancels it.
  virtual Status ForgetTable(const TableId& table) = 0;

  // Appends the first `max` partitions at or after `from`, by table, token and key; of a few nothing may be left.
  // Their keys live in `arena`.
  virtual Status ListPartitions(const PartitionRef& from, size_t max, Arena* arena,
                                std::vector<PartitionRef>* partitions) = 0;
};

// A state that lasts. What is written is seen at once by reads, but becomes durable, all together, only by Commit: so
// that a host can put its positions and the state that they stand for into one step.
class DurableState : public State {
 public:
  // Makes everything written since the last Commit durable at once, and with it `mark`: what the host must find again
  // (positions, the timeline's end). On an error all is kept and Commit may be tried again, as often as it takes
  // (kNoSpace: when there is room again); in between reads and writes go on, but may give that error, too. A process
  // that ends, or rolls back, after an error finds by ReadMark whether that Commit became durable after all.
  virtual Status Commit(ByteView mark) = 0;
  // The mark of the last Commit, empty if there was none.
  virtual Result<std::string> ReadMark() = 0;
  // Takes back everything since the last durable Commit. On an error it may be tried again; until it succeeds no other
  // call does.
  virtual Status Rollback() = 0;
  // Bytes that the next Commit will write, about: hosts bound it.
  virtual size_t pending_bytes() const = 0;
};

}  // namespace braid
