// One shard: what becomes of the mutations whose partition keys it owns. Stepped by one thread; the same in production
// and in the simulator.
//
// What it is told (Message) it merges into its state and turns into records of its timeline; Commit makes all of that
// durable at once, with the sources' positions. Whatever was not committed is told to it again after a restart, and
// changes nothing the second time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "capture/schema_book.h"
#include "model/mutation.h"
#include "pipeline/shard/mark.h"
#include "pipeline/shard/shard_stats.h"
#include "pipeline/shard/touched_rows.h"
#include "reconcile/change_sink.h"
#include "reconcile/hold/arrival_history.h"
#include "reconcile/hold/hold.h"
#include "reconcile/reconciler.h"
#include "reconcile/state.h"
#include "timeline/writer.h"
#include "transport/message/message.h"

namespace braid {

class Shard : private ChangeSink, private Reconciler::SchemaFinder {
 public:
  struct Options {
    int64_t purge_slack_us = int64_t{3} * 3600 * 1'000'000;
    // What may be pending before a commit is made in the middle of a long walk, and how; empty: by Commit.
    uint64_t commit_bytes = uint64_t{4} << 20;
    std::function<Status()> commit;
    // Nodes that the watermark waits for: those that are followed. Empty: all that ever told of themselves, once there
    // are `least_nodes`.
    std::vector<NodeIndex> nodes;
    size_t least_nodes = 0;
    Hold::Options hold;
    // How many rows may be touched while a snapshot is taken before it must be begun anew.
    size_t touched_rows = 1'000'000;
    // Whether a TRUNCATE is told row by row, before the one Change that tells of it.
    bool truncate_rows = false;
    // Memory for knowing copies without asking the state, and secret random bytes for it (Reconciler::Options).
    uint64_t copy_filter_bytes = 0;
    std::array<char, 16> copy_filter_seed{};
  };
  // What it works with; all must outlive it.
  struct Rooms {
    DurableState* state = nullptr;
    TimelineWriter* timeline = nullptr;
    const SchemaBook* schemas = nullptr;
  };

  // Goes on from the mark of the state's last commit, which says too where the timeline ends (ShardMark): the caller
  // read it to open the timeline.
  Shard(const Options& options, const Rooms& rooms, ShardMark mark);
  ~Shard() override;

  // Takes in one message. Errors: those of the state; kCorrupt, kUnsupported of a mutation, with its position.
  Status Take(const Message& message, int64_t now_us);
  // What time brings: TTLs that run out, held mutations that are due, the purge. A bounded amount: true if there is
  // more.
  Result<bool> Tick(int64_t now_us);

  // Makes everything since the last commit durable, in the order timeline, state, readers. On an error (kNoSpace above
  // all) nothing is lost: try again.
  Status Commit(int64_t now_us);
  // The two halves of Commit, for a host that does something between them (a transaction): nothing is taken in
  // meanwhile. Prepare syncs the timeline and says what is to be committed; nullptr if nothing is. The result lives
  // until Finish, or the next Prepare.
  Result<const ShardMark*> Prepare(int64_t now_us);
  // `changelog`: as ShardMark has it.
  Status Finish(int64_t now_us, Offset changelog = {});

  // Whose nodes are whose, of a transport that names them by host id: the index of this one, which is new if it never
  // told of itself. `label` may be empty if it is not known.
  NodeIndex IndexOf(const HostId& host, std::string_view label);
  // By index.
  const std::vector<ShardMark::Host>& hosts() const { return mark_.hosts; }
  // When Tick will have something to do that it does not have now; nullopt if that is not known.
  std::optional<int64_t> due_us() const { return hold_.has_value() ? hold_->due_us() : std::nullopt; }
  // Whether there is anything that somebody waits for, or only positions.
  bool has_changes() const { return pending_changes_ > 0 || snapshot_done_; }
  bool has_news() const { return news_; }
  // Bytes that the next commit writes, about: hosts bound them.
  size_t pending_bytes() const;

  // As of the last commit.
  const ShardMark& committed() const { return committed_; }
  // With those that were taken in since.
  const std::vector<Gap>& open_gaps() const { return mark_.gaps; }
  // The attempts at tables' snapshots of which no more pieces are of use: too much was written meanwhile, or the table
  // was truncated.
  std::map<TableId, uint64_t> UselessSnapshots() const;
  // What the comparison of an attempt has found by now, by attempt; the last few.
  const std::map<uint64_t, ComparisonStats>& comparisons() const { return comparisons_; }
  ShardStats stats();
  // Of changes published since the last call.
  LatencyHistogram TakeLatencies();

 private:
  // A table's snapshot as this process takes it; how far it has come is in the mark.
  struct Snapshot {
    explicit Snapshot(size_t touched_rows) : touched(touched_rows) {}

    uint64_t attempt = 0;
    bool useless = false;  // see UselessSnapshots
    Deletion deletion;     // SnapshotCursor::deletion
    // Where it stands, once something in it was not whole: then the place in the mark stays where another attempt must
    // go on.
    std::optional<SnapshotCursor> loose;
    // Of rows, and of partitions in which more than a row was touched.
    TouchedRows touched;
    bool compares = false;
    bool all_touched = false;
  };
  class Differences;

  Status Emit(const Change& change) override;
  const TableSchema* Find(const TableId& table) override { return Walked(table); }
  bool HistoryKnown(const TableId& table) const;

  Status TakeOne(const Message& message, int64_t now_us);
  Status TakeTransaction(const Message& message, int64_t now_us);
  Status Apply(const Mutation& mutation, int64_t now_us);
  Status ApplyHeld(int64_t now_us);
  Status TakeTruncation(const Message& message, int64_t now_us);
  Status TruncateRows(const TableSchema& table, WriteTime at);
  Status TakeSchema(const TableId& table);
  Status CommitIfLarge();
  Result<bool> Purge(int64_t now_us);
  uint64_t PurgedParts() const;
  void TakeGap(const Gap& gap);
  void BeginSnapshot(const TableId& table, const SnapshotNote& note);
  Status TakeSnapshotPiece(const Message& message);
  Status EndSnapshot(const TableId& table, const SnapshotNote& note);
  using SnapshotStep = std::function<Result<bool>(SnapshotCursor*, const SnapshotRules&, DifferenceSink*)>;
  Status StepSnapshot(const TableSchema& schema, const SnapshotNote& note, const SnapshotStep& step);
  Status CompareSnapshot(const SnapshotNote& note, Snapshot* snapshot, const SnapshotRules& rules,
                         const SnapshotStep& step);
  Status MergeSnapshot(const TableId& table, Snapshot* snapshot, const SnapshotRules& rules, const SnapshotStep& step);
  void NoteTouched(const Mutation& mutation);
  bool UnderSnapshot(const TableId& table) const;
  void ResumeSnapshots();
  void ForgetSnapshot(const TableId& table);
  // Whether what the table's rows went through may not be wholly known, because of a gap.
  bool InGap(const TableSchema& table) const;
  // False if the copy is void: its node logged it before the table was truncated.
  bool Counts(const Mutation& mutation) const;

  ShardMark::Node* NodeOf(NodeIndex node);
  // How far the sources, and the transport, are read.
  struct Sources {
    std::vector<ShardMark::Node> nodes;
    Offset input;
  };
  struct SettledSources {
    const std::vector<ShardMark::Node>& nodes;
    Offset input;
  };
  // Taken in for good: as they stood when the oldest mutation that waits arrived. Lives until the next message.
  SettledSources Settled();
  WriteTime Watermark();
  UnixSeconds Clock();
  const TableSchema* Newest(const TableId& table);
  // The definition by which the table's rows were walked last: the one to see them by. Newest() where none was.
  const TableSchema* Walked(const TableId& table);
  // Walks the table if its newest definition is another one, and gives that.
  Result<const TableSchema*> WalkToNewest(const TableId& table);

  const Options options_;
  const Rooms rooms_;
  Reconciler reconciler_;
  // What waits before it is merged, if anything is to; how the sources stood when it came.
  std::optional<Hold> hold_;
  uint64_t arrivals_ = 0;
  ArrivalHistory<Sources> history_;
  Arena news_arena_;
  bool confirmed_ = true;  // of the write that is being applied

  ShardMark mark_;       // with what was taken in since the last commit
  ShardMark committed_;  // as the state has it
  ShardMark prepared_;

  std::map<TableId, Snapshot> snapshots_;
  std::map<uint64_t, ComparisonStats> comparisons_;
  bool in_snapshot_ = false;
  bool snapshot_done_ = false;  // one ended, and that is not committed

  Arena arena_;
  std::unordered_map<TableId, const TableSchema*, TableIdHash> newest_;
  uint64_t schemas_version_ = 0;
  UnixSeconds expired_through_{std::numeric_limits<int64_t>::min()};
  Reconciler::Cursor sweep_;
  int64_t next_sweep_us_ = 0;

  int64_t now_us_ = 0;
  bool news_ = false;
  uint64_t pending_changes_ = 0;
  std::vector<int64_t> pending_times_us_;  // write times of changes that are not published yet
  LatencyHistogram latencies_;
  uint64_t commits_ = 0;
};

}  // namespace braid
