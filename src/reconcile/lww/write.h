// Writes: what one statement did to one row. Mutations are cut into them, and copies of one joined again.
//
// A *write* is a Mutation with exactly one target (the partition's deletion, one range deletion, the static row or one
// row) and one write time. It is what gives (at most) one Change per row, whichever replica's mutation brought it.
//
// Pure functions; results point into the arena and into the mutations that they were made from, and live as long as
// both. Not thread-safe where they share an arena.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "model/mutation.h"

namespace braid {

enum class Target : uint8_t { kPartition = 0, kRange = 1, kStatic = 2, kRow = 3 };

// What `write`, which must be one, is about.
Target TargetOf(const Mutation& write);

// The row update of a write whose target is kStatic or kRow.
const RowUpdate& RowOf(const Mutation& write);

// The write's timestamp: the greatest of all in it.
WriteTime WriteTimeOf(const Mutation& write);

// Where a write stands among the writes of its partition: first by order time (its write time; of a counter's write
// the greatest shard clock, since clients' timestamps of increments mean little), then deletions before rows, then by
// key. Two writes are copies or fragments of one exactly if their orders and write times are equal.
struct WriteOrder {
  WriteTime time;
  Target target = Target::kPartition;
  ByteView key;  // of the row; a range's start.cut
  ByteView tie;  // a range's end.cut; a counter write's id of the shard whose clock is greatest

  auto operator<=>(const WriteOrder&) const = default;
};
WriteOrder OrderOf(const Mutation& write);

// True if the two are copies or fragments of one write. Partition keys and tables must be equal: they are not looked
// at.
bool SameWrite(const Mutation& a, const Mutation& b);

// Appends the writes of `mutation` to `to`, in the mutation's own order (deletions first, then rows by key, and of one
// row by time). A row is cut by timestamp; a deletion within the row (of the row, of a column's cells, or a tombstone
// cell) exactly 1 µs older than live data, or a complex deletion exactly 1 µs older than any cell, belongs to that
// data's write: so Cassandra writes the overwriting of a collection, and lightweight transactions. Parts that the
// schema says were dropped stay in. A mutation that holds nothing gives nothing.
void CutIntoWrites(const Mutation& mutation, Arena* arena, std::vector<Mutation>* to);

// The join of copies and fragments of one write (SameWrite of all; at least one): their contents merged by Cassandra's
// rules, at the least of their positions. A cell that one copy has with its time to live and another, delivered after
// that ran out, as a tombstone stays the cell that it was; `now`, a time at or after all copies were logged, tells such
// a tombstone from one that was written. kUnsupported: a counter with local or remote shards.
Result<Mutation> JoinCopies(std::span<const Mutation> copies, UnixSeconds now, Arena* arena);

// True if `fragment`, a write of the same row as `write` and 1 µs older, consists only of deletions that `write` has
// too: a copy that was repaired or hinted by itself. It is then part of `write`, and not to be applied on its own
// before it.
bool IsAbsorbedBy(const Mutation& fragment, const Mutation& write);

}  // namespace braid
