// Random seam types, for properties over what decoders and stores must bear.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>

#include "base/arena.h"
#include "model/change.h"
#include "model/commit.h"
#include "model/mutation.h"
#include "model/row_state.h"
#include "model/schema.h"

namespace braid::testing {

// Makes values that are lawful (ordered as model/ says) and otherwise arbitrary; equal ones for equal seeds. Views and
// spans are in `arena`, schemas belong to whoever keeps them.
class Maker {
 public:
  Maker(uint64_t seed, Arena* arena) : random_(seed), arena_(arena) {}

  TableSchemaPtr MakeSchema();
  Mutation MakeMutation(const TableSchema& schema);
  // Of one or more of `schemas`.
  Transaction MakeTransaction(std::span<const TableSchemaPtr> schemas);
  RowState MakeRowState(const TableSchema& schema);
  PartitionHeader MakeHeader();
  Change MakeChange(const TableSchema& schema);
  Commit MakeCommit();

  uint64_t Below(uint64_t limit) { return std::uniform_int_distribution<uint64_t>(0, limit - 1)(random_); }
  bool Coin() { return Below(2) == 1; }
  ByteView Bytes(size_t limit);

 private:
  TypePtr MakeType(int depth);
  int64_t AnyInt64();
  // Mostly microseconds near one another, as in life, now and then the ends of what is legal. Never None.
  WriteTime Time();
  UnixSeconds Seconds();
  Deletion MakeDeletion();
  Bound MakeBound();
  Position MakePosition();
  Sequence MakeSequence();
  std::span<const RangeDeletion> MakeRanges();
  std::span<const ColumnId> Columns(const TableSchema& schema);
  void FillRow(const TableSchema& schema, Liveness* liveness, Deletion* deletion,
               std::span<const ComplexDeletion>* complex_deletions, std::span<const Cell>* cells);
  Cell MakeCell(ColumnId column, bool multi);
  const Image* MakeImage(const Change& change);

  std::mt19937_64 random_;
  Arena* arena_;
};

}  // namespace braid::testing
