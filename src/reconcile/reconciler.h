// The door of reconciliation: mutations of any replica in, each Change once out.
//
// It drives the pure rules of lww/ over a State: the same in replay, in the embedded pipeline and in tests. It starts
// no thread and reads no clock. Not thread-safe; one for each shard.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "model/mutation.h"
#include "reconcile/change_sink.h"
#include "reconcile/copy_filter.h"
#include "reconcile/lww/apply.h"
#include "reconcile/lww/snapshot.h"
#include "reconcile/snapshot.h"
#include "reconcile/state.h"

namespace braid {

class Reconciler {
 public:
  struct Options {
    // What is not in state never was: the logs are the table's whole history. False: rows are incomplete until a
    // deletion covers them. One answer for all tables, or a question that is asked once for each (see ForgetHistory).
    std::variant<bool, std::function<bool(const TableId&)>> history_known = true;
    // Of what runs out: false: at `now` as given (live: the capture watermark). True: by the partition's own clock, its
    // greatest write time so far, but no later than `now` (replay: give the machine's time and a day).
    bool partition_clock = false;
    // Rows that a deletion reads at once: bounds its memory, not its result.
    size_t rows_per_chunk = 256;
    // Called after each chunk of a deletion but the last: the host may commit there. The deletion, applied again after
    // a crash, goes on where it was. May be empty.
    std::function<Status()> between_chunks;
    // Memory for knowing copies without asking the state (12.8 bytes a mutation); changes no result. 0: none. Not for
    // replay, which joins copies first.
    size_t copy_filter_bytes = 0;
    // Random bytes that the filter's hashes depend on, secret, so that nobody can write a mutation that passes for
    // another's copy. May be new at each start.
    std::array<char, 16> copy_filter_seed{};
  };

  struct Stats {
    uint64_t mutations = 0;  // Apply calls
    uint64_t writes = 0;     // after cutting
    uint64_t copies = 0;     // writes that the state had already (of a mutation known whole: one)
    uint64_t overtaken = 0;  // writes superseded before (or since) they were first seen
    uint64_t silent = 0;     // writes that changed the state, but no row that exists
    uint64_t changes = 0;
    uint64_t late = 0;               // changes among those
    uint64_t expired = 0;            // changes among those: a TTL ran out
    uint64_t rows_walked = 0;        // rows read by range and partition deletions
    uint64_t rows_purged = 0;        // dead rows forgotten, with their revisions
    uint64_t parts_purged = 0;       // tombstones and expired cells forgotten, of rows and partitions
    uint64_t partitions_purged = 0;  // forgotten whole
    uint64_t snapshot_rows = 0;      // rows of the state or of a snapshot that were held against each other
  };

  // `state` must outlive the reconciler.
  Reconciler(const Options& options, State* state);

  // To be called if the state was taken back (RocksState::Rollback): what it knew of copies no longer holds, nor how
  // far snapshots have come (ResumeSnapshot).
  void ForgetCopies() {
    copies_.Clear();
    walked_.clear();
    ahead_.clear();
  }

  // Asks anew of which tables the history is known.
  void ForgetHistory() { histories_.clear(); }

  // Takes in a mutation: cuts it into writes and applies them in order. What is due by then in the partition (with
  // `partition_clock`) or in the whole state (without) expires first. Changes go to `sink`. Errors: those of the state
  // and the sink; kUnsupported for counters with local or remote shards, naming the table. After an error the writes
  // before the failing one are in the state, and applying the mutation again is safe.
  Status Apply(const Mutation& mutation, UnixSeconds now, ChangeSink& sink);

  // The same of a mutation that is one write already (CutIntoWrites, JoinCopies).
  Status ApplyWrite(const Mutation& write, UnixSeconds now, ChangeSink& sink);

  // Announces what runs out in the partition until `now` inclusive, in order of (second, key). `schema` is the
  // definition that the images are made by.
  Status ExpirePartition(const TableSchema& schema, Token token, ByteView partition_key, UnixSeconds now,
                         ChangeSink& sink);

  // `schemas` finds the current definition of a table, nullptr if it is gone: then its row is passed over in silence.
  class SchemaFinder {
   public:
    virtual ~SchemaFinder() = default;
    virtual const TableSchema* Find(const TableId& table) = 0;
  };
  // The same of all partitions, in order of (second, table, token, key), but of no more than `max_rows` rows. True if
  // there may be more: a host commits and calls again.
  Result<bool> ExpireDue(UnixSeconds now, SchemaFinder& schemas, ChangeSink& sink,
                         size_t max_rows = std::numeric_limits<size_t>::max());

  // Drops what is known of a partition whose last write has been applied: a replay's next step.
  Status ForgetPartition(const TableSchema& schema, Token token, ByteView partition_key);

  // Forgets what may be forgotten of the partition (see PurgeLimits): tombstones, and dead rows with their revisions.
  Status PurgePartition(const TableSchema& schema, Token token, ByteView partition_key, const PurgeLimits& limits);

  // Where a walk over the state in pieces stands.
  struct Cursor {
    // The key of the record at which it goes on; empty: at the beginning. Opaque, and all that a host must keep to go
    // on in another process.
    std::string next;
    // Of the partition in which it stands: the strictest limits by which a part of it has been purged.
    std::optional<PurgeLimits> limits;
  };

  // How a table is to be purged.
  struct TablePurge {
    const TableSchema* schema = nullptr;  // nullptr: the table is passed over
    PurgeLimits limits;
  };
  // As PurgePartition, of all partitions of the state: goes on at `cursor` and over about `max_rows` rows, and moves
  // `cursor`. `purge_of` is asked once for each table and call. True if there is more; false at the end: then the
  // cursor is at the beginning again. Mutations may be applied, and commits stand, between the calls. Counted in Stats.
  Result<bool> PurgeSome(Cursor* cursor, const std::function<TablePurge(const TableId&)>& purge_of, size_t max_rows);

  // TRUNCATE of the table at `at`: emits the one Change (kTruncate, no key, no images) that tells of it, and drops all
  // state of the table, which is little work however much there is. Both belong into one commit. From then on the table
  // is as new: what is not in state never was, if `history_known` says so.
  Status Truncate(const TableSchema& schema, WriteTime at, ChangeSink& sink);

  // Before Truncate, for readers who want to hear of each row: emits a Change (kDelete, kTruncate) for each row that
  // there is, and forgets it. Goes on at `cursor`, and ends, as WalkSchema does; until Truncate no mutation of the
  // table may be applied.
  Result<bool> TruncateRows(const TableSchema& schema, WriteTime at, UnixSeconds now, Cursor* cursor, size_t max_rows,
                            ChangeSink& sink);

  // Drops all state of a table, as Truncate does, without a word: of one that is gone.
  Status ForgetTable(const TableId& table);

  // After a change of the table's definition: emits a Change (kDelete, kSchema) for each row that lived only by what
  // `after` says was dropped, seen by `before` (RedefineRow says it all). Goes on at `cursor` (a new one at first),
  // over about `max_rows` rows; true if there is more. From the change until it is done, no mutation of the table may
  // be applied. Where a commit stands between two calls, `cursor->next` belongs into it: after a crash the walk goes on
  // there. `now` as for Apply. The schemas must outlive the Changes' way through `sink`.
  Result<bool> WalkSchema(const TableSchema& before, const TableSchema& after, UnixSeconds now, Cursor* cursor,
                          size_t max_rows, ChangeSink& sink);

  // Snapshots: the join of what all replicas have of a table, piece by piece, side by side with a walk over the table's
  // state; see snapshot.h, and docs/stream.md for what is told. Pieces come by token, then key; those of one partition
  // (`first` to `last`) by row key. Each says all there is of the rows between the piece before it and its own last row
  // or the end of its last range, whichever is later; its partition's deletion and static row come in the first, and
  // `piece.position` means nothing. Mutations may be applied, and commits stand, between any two calls.
  //
  // Takes a piece: first what the state has before it, which the snapshot lacks, then the piece's own rows; what is due
  // in its partition by `rules.now` expires first. About `max_rows` (at least 1) rows a call. True: there is more, call
  // again with the same piece; false: go on to the next. A piece behind the cursor is passed over. `piece.schema` is
  // the definition that the images are made by. Errors: those of the state and the sink; kUnsupported and kCorrupt for
  // counters that cannot be merged, naming the table; kCorrupt for a cursor that is none. After an error the state must
  // be taken back to the last commit, the cursor with it.
  Result<bool> TakeSnapshotPiece(SnapshotCursor* cursor, const Mutation& piece, bool first, bool last,
                                 const SnapshotRules& rules, size_t max_rows, ChangeSink& sink);

  // The snapshot has nothing more up to and with `through`: takes the rest of the state up to there.
  Result<bool> EndSnapshotRange(const TableSchema& schema, SnapshotCursor* cursor, Token through,
                                const SnapshotRules& rules, size_t max_rows, ChangeSink& sink);

  // The same, but only tells how the state differs and changes nothing; the cursor is moved all the same.
  Result<bool> CompareSnapshotPiece(SnapshotCursor* cursor, const Mutation& piece, bool first, bool last,
                                    const SnapshotRules& rules, size_t max_rows, DifferenceSink& differences);
  Result<bool> CompareSnapshotRange(const TableSchema& schema, SnapshotCursor* cursor, Token through,
                                    const SnapshotRules& rules, size_t max_rows, DifferenceSink& differences);

  // A cursor for a pass that begins at this token. Those of one table must not overlap.
  static SnapshotCursor SnapshotFrom(const TableSchema& schema, Token from);
  // The token from which a new snapshot must be given to go on at `cursor`. kCorrupt: it is none.
  static Result<Token> SnapshotToken(const SnapshotCursor& cursor);

  // To be called with each cursor of a commit, before anything is applied to the state of that commit: rows behind it
  // that are not in the state are known not to exist, as long as this reconciler lives or the table is truncated.
  void ResumeSnapshot(const TableSchema& schema, const SnapshotCursor& cursor);

  const Stats& stats() const { return stats_; }

 private:
  // Keys of partitions: of all that the state has from one key up to another, perhaps of more.
  struct PartitionsAhead {
    std::string from;
    std::string to;
    std::set<std::string> keys;
  };
  struct SnapshotCall;
  struct SnapshotPart;
  struct SnapshotStretch;

  Status ApplyCut(const Mutation& mutation, UnixSeconds now, ChangeSink& sink);
  Result<PartitionHeader> ReadHeader(const PartitionRef& partition);
  Status ApplyRowWrite(const PartitionRef& partition, const Mutation& write, UnixSeconds now, ChangeSink& sink);
  Status ApplyDeletion(const PartitionRef& partition, const Mutation& write, UnixSeconds now, ChangeSink& sink);
  Status DeletionChunk(const PartitionRef& partition, UnixSeconds now, DeletionWalk* walk, ChangeSink& sink);
  Status ExpireUntil(const TableSchema& schema, const PartitionRef& partition, UnixSeconds now, ChangeSink& sink);
  Status ExpireOne(const TableSchema* schema, const DueRow& due, ChangeSink& sink);
  bool HistoryKnown(const TableId& table);
  // Looks at rows of the partition from a key on (none: from its beginning, the static row too): at no more than so
  // many, left in `rows_`, and says from where to go on, if there may be more.
  using Visit = std::function<Status(const PartitionRef& partition, const std::optional<std::string>& from,
                                     size_t max_rows, std::optional<std::string>* next)>;
  Result<bool> Walk(const std::optional<TableId>& only, size_t max_rows, Cursor* cursor, const Visit& visit);
  Status ReadPart(const PartitionRef& partition, const std::optional<std::string>& from, size_t max_rows,
                  std::optional<std::string>* next);
  Status PurgePart(const TableSchema& schema, const PartitionRef& partition, const PurgeLimits& limits);
  Status PurgeRest(const PartitionRef& partition, const PurgeLimits& limits);
  Status RedefinePart(const TableSchema& before, const TableSchema& after, const PartitionRef& partition,
                      UnixSeconds now, ChangeSink& sink);
  Status TruncatePart(const TableSchema& schema, WriteTime at, const PartitionRef& partition, UnixSeconds now,
                      ChangeSink& sink);
  Result<bool> TakePiece(const Mutation& piece, bool first, bool last, SnapshotCall* call);
  Result<bool> EndRange(Token through, SnapshotCall* call);
  Result<bool> PassUntil(const std::string& stop, SnapshotCall* call);
  Result<PartitionsAhead*> LookAhead(const std::string& from, const PartitionRef& partition);
  void NoteAhead(const PartitionRef& partition);
  Status MayBeginAgain(const SnapshotPart& part, SnapshotCall* call);
  Result<bool> TakePart(const SnapshotPart& part, SnapshotCall* call);
  Status ReadStretch(const SnapshotPart& part, const std::optional<std::string>& from, SnapshotCall* call,
                     SnapshotStretch* stretch);
  Status TakeStretch(const SnapshotPart& part, const SnapshotStretch& stretch, SnapshotCall* call);
  Status TellOutcome(const RowRef& ref, const SnapshotOutcome& outcome, SnapshotCall* call);
  void TakeDeletions(const SnapshotPart& part, const SnapshotStretch& stretch, PartitionHeader* header);
  Status UncoverStatic(const PartitionRef& partition, const PartitionHeader& header, SnapshotCall* call);
  void MoveCursor(std::string next, SnapshotCall* call);
  void NoteWalked(const TableId& table, const std::string& from, const std::string& next);
  bool IsWalked(const TableId& table, const std::string& first, const std::string& last) const;
  bool IsWalked(const PartitionRef& partition) const;
  bool IsWalked(const PartitionRef& partition, const RowRef& row) const;
  PartitionHeader NewHeader(const PartitionRef& partition);
  Status Emit(const Change& change, ChangeSink& sink);
  void Count(Verdict verdict);

  const Options options_;
  State* const state_;
  Stats stats_;
  CopyFilter copies_;
  std::unordered_map<TableId, bool, TableIdHash> histories_;  // as asked
  // Of each table the stretches, from one record's key to another's, that were held against a whole snapshot.
  std::unordered_map<TableId, std::map<std::string, std::string>, TableIdHash> walked_;
  // Of tables that a snapshot is being held against: what comes next.
  std::unordered_map<TableId, PartitionsAhead, TableIdHash> ahead_;
  // The writes of the mutation at hand.
  Arena cut_arena_;
  std::vector<Mutation> writes_;
  std::vector<std::pair<WriteOrder, size_t>> order_;
  // What one step reads and makes.
  Arena step_arena_;
  std::vector<RowEntry> rows_;
  std::vector<RowDelta> deltas_;
};

}  // namespace braid
