// What a source logged. A Mutation is one replica's copy of one write to one partition of one table; it says nothing of
// the row as a whole. A Transaction is all that was logged at once.
//
// All views and spans belong to the decoder or arena that made the value; whoever makes one says how long they live.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "model/position.h"
#include "model/schema.h"
#include "model/time.h"

namespace braid {

// A deletion: removes whatever was written at or before `at`.
struct Deletion {
  WriteTime at;       // None: nothing is deleted
  UnixSeconds local;  // when the coordinator deleted; only for purging and for Cassandra's tie rules

  bool live() const { return at.none(); }
  bool Covers(WriteTime written) const { return written <= at; }
  bool operator==(const Deletion&) const = default;
};

// A row's own marker: an INSERT leaves one, an UPDATE does not.
struct Liveness {
  WriteTime at;         // None: no marker
  int32_t ttl_s = 0;    // 0: does not expire
  UnixSeconds expires;  // Never if ttl_s is 0

  bool none() const { return at.none(); }
  bool operator==(const Liveness&) const = default;
};

enum class CellKind : uint8_t { kLive = 0, kExpiring = 1, kTombstone = 2 };

struct Cell {
  ColumnId column;
  CellKind kind = CellKind::kLive;
  int32_t ttl_s = 0;  // of an expiring cell
  WriteTime at;
  UnixSeconds local_deletion;  // when an expiring cell expires; when a tombstone was made; else Never
  ByteView path;               // of a cell of a multi-cell column: see PathType(); else empty
  ByteView value;              // canonical bytes; empty for tombstones and for elements of sets

  bool operator==(const Cell&) const = default;
};

// The deletion of all cells of one multi-cell column.
struct ComplexDeletion {
  ColumnId column;
  Deletion deletion;

  bool operator==(const ComplexDeletion&) const = default;
};

// Part of a mutation: what it says of one row. `complex_deletions` and `cells` are ordered by column id; cells of one
// column by path, in the order of PathType().
struct RowUpdate {
  // The row's identity and place in its partition: byte-comparable, see cassandra/types/comparable.h. Empty for the
  // static row, and for the only row of a partition of a table without clustering columns.
  ByteView key;
  // The clustering columns' values as written: for each in order, `vint length + 1` and the bytes; 0 for null.
  ByteView clustering;
  Liveness liveness;
  Deletion deletion;
  std::span<const ComplexDeletion> complex_deletions;
  std::span<const Cell> cells;
};

// One end of a range deletion. `cut` divides the byte-comparable row keys: a row is within the range if
// start.cut <= row.key < end.cut. The rest is for people: the values of the bound's prefix (as RowUpdate::clustering
// has them), how many there are, and whether rows with just that prefix are within.
struct Bound {
  ByteView cut;
  ByteView values;
  uint16_t size = 0;
  bool inclusive = false;
};

struct RangeDeletion {
  Bound start;
  Bound end;
  Deletion deletion;
};

struct Mutation {
  // Of the definition that the maker read it by. Lives as long as the maker's schema registry.
  const TableSchema* schema = nullptr;
  Token token;
  ByteView partition_key;  // raw: one column's bytes, or the columns' composite
  Deletion partition_deletion;
  const RowUpdate* static_row = nullptr;  // nullptr if the mutation does not touch it
  std::span<const RowUpdate> rows;        // by key, each at most once
  std::span<const RangeDeletion> ranges;  // by start, disjoint
  Position position;                      // where it was read
};

// What one source committed at once: the atom of transport. Its parts may be of several tables.
struct Transaction {
  Position position;
  std::span<const Mutation> mutations;
};

}  // namespace braid
