// The door of this room: the partitions of one table, given by any number of sources (SSTables of all replicas, logs),
// as one sequence.
//
//   std::vector<std::unique_ptr<PieceSource>> sources;                       (piece_source.h)
//   sources.push_back(std::make_unique<SstableSource>(…));                   (sstable_source.h)
//   ASSIGN_OR_RETURN(const auto merge, TableMerge::Open(std::move(sources), schema, {}));
//   while (true) {
//     ASSIGN_OR_RETURN(const SstablePiece* piece, merge->Next());
//     if (piece == nullptr) break;
//     …
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "model/mutation.h"
#include "model/schema.h"
#include "pipeline/merge/piece_source.h"

namespace braid {

struct MergeOptions {
  // At bytes that cannot be read: go on behind them and say so in damage(). Else the merge ends with the error.
  bool skip_damage = false;
};

// What one source could not give.
struct MergeDamage {
  std::string source;
  // Says file, offset and what is wrong.
  std::string message;
  // Bytes of data that were passed over; nothing: all up to the source's end.
  std::optional<uint64_t> lost_bytes;
  // Of partitions with these tokens the source may have given a part or nothing.
  TokenRange tokens;
};

// Joins the sources by Cassandra's rules (reconcile/lww/merge.h): partitions by token then key, each once; a
// partition's rows by key, each once, joined of all copies; of partition deletions the strongest; range deletions as
// one disjoint list by start. A row still holds what its partition's or a range's deletion covers: who reads it applies
// those.
//
// A partition may come in several pieces, by the rules of SstablePiece: the deletion of the partition and its static
// row are in the first; ranges that reach across pieces are cut where the pieces meet; a piece is complete for the rows
// up to KnownEnd() of it. What one piece takes is bounded by what the sources' pieces take together, whatever the
// partition's width. Pieces of a partition that only one source has go through as they are. Not thread-safe.
class TableMerge {
 public:
  // Every source must be of the table that `schema` defines and use that definition. CHECKs nothing of what they give.
  static Result<std::unique_ptr<TableMerge>> Open(std::vector<std::unique_ptr<PieceSource>> sources,
                                                  TableSchemaPtr schema, MergeOptions options = {});

  // The next piece, or nullptr at the end. It lives until the next call. `partition_offset` and `position` mean
  // nothing. Errors: those of a source; kUnsupported and kCorrupt for counters that cannot be merged, with the table.
  // After an error the merge is over.
  Result<const SstablePiece*> Next();

  // What was passed over so far (`skip_damage`), in the order in which the merge came upon it.
  const std::vector<MergeDamage>& damage() const { return damage_; }

  // Partitions begun so far.
  uint64_t partitions() const { return partitions_; }
  // Where the sources stand in their bytes, together.
  uint64_t position() const;

 private:
  // A source and its piece at hand.
  struct Input {
    std::unique_ptr<PieceSource> source;
    size_t number = 0;                    // among the sources
    const SstablePiece* piece = nullptr;  // nullptr: not asked for yet
    Token token;                          // of the piece, or the least that can come
    // What of the piece has been given; `given`: all of it.
    size_t next_row = 0;
    size_t next_range = 0;
    bool given = false;
    // KnownEnd() of a piece that is not its partition's last.
    Bound known_end;
    std::string known_cut;
    // The place in damage_ of a damage of which it is not known yet how far it reaches.
    std::optional<size_t> open_damage;
  };

  TableMerge(TableSchemaPtr schema, MergeOptions options) : schema_(std::move(schema)), options_(options) {}

  static bool ComesAfter(const Input* a, const Input* b);
  // Takes the source's next piece; nullptr at its end, or at a damage without a way on.
  Status Advance(Input* input);
  void TakePiece(Input* input, const SstablePiece* piece);
  // Notes the damage. False if there is no way on.
  Result<bool> PassDamage(Input* input, const Error& error);
  // Puts an input that has been advanced back among the partitions to come, or lets its source go if there are none.
  void PutBack(Input* input);
  // Advances those inputs of whose pieces all has been given; they go back where that was the end of the partition.
  Status Settle();
  // Takes the inputs that have the next partition off the heap. False: there is none.
  Result<bool> BeginPartition();
  // A piece of what all active inputs know by now.
  Status JoinPiece();
  Status JoinFirst();
  // The least end of what an active input knows; nullptr if all have their partition's last piece.
  const Bound* LeastEnd() const;
  void TakeRows(Input* input, const Bound* until);
  void TakeRanges(Input* input, const Bound* until, const Bound& edge);
  void SetEdge(const Bound& end);

  TableSchemaPtr schema_;
  const MergeOptions options_;
  std::vector<std::unique_ptr<Input>> inputs_;
  std::vector<Input*> heap_;  // of partitions to come, the next one first
  uint64_t finished_position_ = 0;

  // The partition under way, and those who have a part of it.
  std::vector<Input*> active_;
  bool in_partition_ = false;
  bool first_ = true;     // nothing of it has been given
  bool passing_ = false;  // one input alone has it: its pieces are given as they are
  std::string key_;
  Token token_;
  // Where the last piece ended, as the start of what comes.
  std::string edge_cut_;
  std::string edge_values_;
  Bound edge_;

  // The piece under way.
  SstablePiece piece_;
  Arena arena_;
  std::vector<std::span<const RowUpdate>> row_lists_;
  std::vector<std::span<const RangeDeletion>> range_lists_;

  std::vector<MergeDamage> damage_;
  uint64_t partitions_ = 0;
};

// Where what `piece` says of its partition ends: together with the pieces before it, it is complete for all rows before
// this cut. The cut is empty if the piece has neither rows nor ranges, and means nothing if it is its partition's last.
// The bound points into the piece and into `cut_memory`.
Bound KnownEnd(const SstablePiece& piece, std::string* cut_memory);

}  // namespace braid
