// What holds of snapshots beside live writes, whatever was lost, however the pieces and the writes mix, and wherever
// the process dies.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <set>

#include "reconcile/reconciler.h"
#include "reconcile/testing/checking_sink.h"
#include "reconcile/testing/memory_durable_state.h"
#include "reconcile/testing/toy_change.h"
#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_random.h"
#include "reconcile/testing/toy_snapshot.h"
#include "reconcile/testing/toy_table.h"

namespace braid::testing {
namespace {

constexpr UnixSeconds kNow{ToyRandom::kFirstSecond + 5};
constexpr UnixSeconds kEnd{ToyRandom::kLastExpiry};
constexpr Token kGreatestToken{std::numeric_limits<int64_t>::max()};

void Check(const Status& status) {
  if (!status.has_value()) RC_FAIL(status.error().message);
}
bool Check(const Result<bool>& more) {
  if (!more.has_value()) RC_FAIL(more.error().message);
  return *more;
}

struct Story {
  uint64_t seed = 0;
  bool counters = false;
  bool history_known = true;
  // Replicas have forgotten their tombstones by the time of a snapshot, and what is lost was written before all that
  // is written later.
  bool purged = false;
};

// What has been committed, and what goes on from there.
struct Progress {
  CheckingSink sink;
  SnapshotCursor cursor;
  size_t delivered = 0;
  bool done = false;  // with the pass
};

// One table's history, of which a part is lost to the stream; the stream; and a snapshot that mends it.
class Mending : public Reconciler::SchemaFinder {
 public:
  explicit Mending(const Story& story)
      : story_(story),
        random_(story.seed),
        schema_(ParseTable(story.counters ? ToyRandom::kCounterTable : ToyRandom::kTable)) {
    options_.history_known = story.history_known;
    options_.rows_per_chunk = 1 + Below(3);
    if (Below(2) == 0) options_.copy_filter_bytes = 256;
    Write();
    Start();
  }

  const TableSchema* Find(const TableId&) override { return schema_.get(); }

  // A pass over some replicas' part of what there is.
  void MendInPart() {
    std::vector<Mutation> held;
    for (size_t i = 0; i < lost_before_; ++i) {
      if (Below(2) == 0) held.push_back(history_[i]);
    }
    log_.push_back("snapshot of " + std::to_string(held.size()) + " at random");
    pieces_ = Snapshot(held);
    whole_ = false;
    while (!now_.done) StepSnapshot();
    whole_ = true;
    now_.cursor = {};
    now_.done = false;
    Commit();
  }

  // A pass, with everything that happens meanwhile.
  void Mend() {
    Begin();
    while (!now_.done || now_.delivered < deliveries_.size()) {
      switch (Below(8)) {
        case 0:
          Commit();
          break;
        case 1:
          if (crashes_ > 0) Crash();
          break;
        case 2:
        case 3:
        case 4:
          if (now_.delivered < deliveries_.size()) Deliver();
          break;
        default:
          if (!now_.done) StepSnapshot();
          break;
      }
    }
  }

  // One more pass over all that the replicas hold in the end, in which nothing happens besides.
  void PassAgain() {
    Begin();
    now_.cursor = {};
    now_.done = false;
    while (!now_.done) StepSnapshot();
  }

  void Expire() { Check(reconciler_->ExpireDue(kEnd, *this, now_.sink)); }

  // What is to be seen in the end: the images of the join of everything.
  std::map<std::string, std::string> Truth() {
    MemoryState state;
    Reconciler plain({}, &state);
    CheckingSink sink;
    for (const Mutation& mutation : history_) Check(plain.Apply(mutation, kNow, sink));
    Check(plain.ExpireDue(kEnd, *this, sink));
    return sink.rows();
  }

  // The differences that a look at the state finds.
  std::vector<std::string> Differences() {
    class Sink : public DifferenceSink {
     public:
      Status Tell(Difference, const Change& repair) override {
        lines.push_back(ChangeText(repair));
        return {};
      }
      std::vector<std::string> lines;
    };
    Sink sink;
    SnapshotCursor cursor;
    SnapshotRules rules;
    rules.whole = true;
    rules.now = kNow;
    for (const ToyPiece& piece : Snapshot(history_)) {
      while (
          Check(reconciler_->CompareSnapshotPiece(&cursor, piece.mutation, piece.first, piece.last, rules, 2, sink))) {
      }
    }
    while (Check(reconciler_->CompareSnapshotRange(*schema_, &cursor, kGreatestToken, rules, 2, sink))) {
    }
    return sink.lines;
  }

  const CheckingSink& sink() const { return now_.sink; }

  void Log() const {
    for (const std::string& line : log_) RC_LOG() << line << "\n";
    for (const std::string& line : now_.sink.lines()) RC_LOG() << "  " << line << "\n";
  }

 private:
  size_t Below(size_t n) { return static_cast<size_t>(random_.Below(n)); }

  // The history; which of it is lost; in which order the rest comes, with copies.
  void Write() {
    const size_t n = 1 + Below(30);
    const size_t gap_end = Below(n + 1);
    ToyReader reader;
    std::vector<std::pair<size_t, size_t>> order;
    for (size_t i = 0; i < n; ++i) {
      std::string line = story_.counters ? random_.CounterLine() : random_.Line();
      if (story_.purged && i >= gap_end) line = Later(line);
      history_.push_back(reader.Read(*schema_, line, &arena_));
      const bool lost = i < gap_end && Below(3) == 0;
      log_.push_back((lost ? "lost " : "     ") + line);
      const size_t copies = lost ? (story_.purged ? 0 : Below(2)) : 1 + Below(2);
      for (size_t copy = 0; copy < copies; ++copy) {
        // A copy of what was lost comes late, as a hint does.
        const size_t delay = lost ? n : story_.purged ? 0 : Below(6);
        if (copy == 0 || !story_.purged) order.emplace_back(i + delay, i);
      }
    }
    std::ranges::sort(order);
    for (const auto& [place, i] : order) deliveries_.push_back(i);
    lost_before_ = snapshot_end_ = gap_end;
    now_.delivered = 0;
  }

  // The same line, with all write times after those of other lines. What expires keeps its second.
  static std::string Later(std::string line) {
    for (size_t at = line.find('@'); at != std::string::npos; at = line.find('@', at + 1)) line.insert(at + 1, "9");
    return line;
  }

  void Start() {
    Result<std::unique_ptr<MemoryDurableState>> state = MemoryDurableState::Open(&disk_, 0);
    if (!state.has_value()) RC_FAIL(state.error().message);
    state_ = std::move(*state);
    reconciler_ = std::make_unique<Reconciler>(options_, state_.get());
    now_ = committed_;
    now_.cursor.deletion = {};
    reconciler_->ResumeSnapshot(*schema_, now_.cursor);
    // Some of the stream comes before any snapshot.
    const bool is_first = committed_.delivered == 0 && committed_.cursor.next.empty();
    for (size_t n = is_first ? Below(deliveries_.size() + 1) : 0; n > 0; --n) Deliver();
  }

  void Commit() {
    Check(state_->Commit({}));
    committed_ = now_;
  }

  void Crash() {
    --crashes_;
    log_.push_back("crash");
    Start();
    Begin();
  }

  // A snapshot holds all that was lost, all that was applied, what an earlier snapshot had, and perhaps more.
  void Begin() {
    touched_.clear();
    size_t& end = snapshot_end_;
    for (size_t i = 0; i < now_.delivered; ++i) end = std::max(end, deliveries_[i] + 1);
    end += Below(history_.size() - end + 1);
    log_.push_back("snapshot of " + std::to_string(end));
    pieces_ = Snapshot(std::span<const Mutation>(history_).first(end));
    piece_ = 0;
  }

  std::vector<ToyPiece> Snapshot(std::span<const Mutation> held) {
    if (held.empty()) return {};
    return SnapshotOf(
        held, [this] { return 1 + Below(3); }, story_.purged, kNow, &arena_);
  }

  void Deliver() {
    const Mutation& mutation = history_[deliveries_[now_.delivered++]];
    const bool many = !mutation.partition_deletion.live() || !mutation.ranges.empty();
    if (many || Below(8) == 0) touched_.insert({std::string(mutation.partition_key), "all"});
    if (mutation.static_row != nullptr) touched_.insert({std::string(mutation.partition_key), "static"});
    for (const RowUpdate& row : mutation.rows) {
      touched_.insert({std::string(mutation.partition_key), "row " + std::string(row.key)});
    }
    log_.push_back("write " + std::to_string(deliveries_[now_.delivered - 1]));
    Check(reconciler_->Apply(mutation, kNow, now_.sink));
  }

  void StepSnapshot() {
    log_.push_back("step");
    SnapshotRules rules;
    rules.whole = whole_;
    rules.repair = story_.history_known;
    rules.now = kNow;
    rules.touched = [this](const PartitionRef& partition, const RowRef& row) {
      const std::string key(partition.key);
      return touched_.contains({key, "all"}) ||
             touched_.contains({key, row.is_static ? "static" : "row " + std::string(row.key)});
    };
    const size_t rows = 1 + Below(4);
    if (piece_ == pieces_.size()) {
      now_.done = !Check(reconciler_->EndSnapshotRange(*schema_, &now_.cursor, kGreatestToken, rules, rows, now_.sink));
      return;
    }
    const ToyPiece& piece = pieces_[piece_];
    if (!Check(reconciler_->TakeSnapshotPiece(&now_.cursor, piece.mutation, piece.first, piece.last, rules, rows,
                                              now_.sink))) {
      ++piece_;
    }
  }

  const Story story_;
  ToyRandom random_;
  const TableSchemaPtr schema_;
  Reconciler::Options options_;
  Arena arena_;
  std::vector<Mutation> history_;
  std::vector<size_t> deliveries_;  // indexes of history_, in the order in which they come
  size_t lost_before_ = 0;          // nothing after these is lost
  size_t snapshot_end_ = 0;
  std::vector<std::string> log_;
  int crashes_ = 3;

  MemoryDurableState::Disk disk_;
  std::unique_ptr<MemoryDurableState> state_;
  std::unique_ptr<Reconciler> reconciler_;
  Progress committed_;
  Progress now_;
  std::set<std::pair<std::string, std::string>> touched_;
  std::vector<ToyPiece> pieces_;
  size_t piece_ = 0;
  bool whole_ = true;
};

RC_GTEST_PROP(SnapshotLaws, WhatWasLostComesBackOnce, (uint64_t seed, bool counters, bool history_known)) {
  Mending mending({.seed = seed, .counters = counters, .history_known = history_known});
  mending.Mend();
  mending.Expire();
  mending.Log();
  RC_ASSERT(mending.sink().rows() == mending.Truth());
}

RC_GTEST_PROP(SnapshotLaws, WhatOnlySomeReplicasGaveIsSettledByAll,
              (uint64_t seed, bool counters, bool history_known)) {
  Mending mending({.seed = seed, .counters = counters, .history_known = history_known});
  mending.MendInPart();
  mending.Mend();
  mending.Expire();
  mending.Log();
  RC_ASSERT(mending.sink().rows() == mending.Truth());
}

RC_GTEST_PROP(SnapshotLaws, ASecondPassSaysNothing, (uint64_t seed, bool counters, bool history_known)) {
  Mending mending({.seed = seed, .counters = counters, .history_known = history_known});
  mending.Mend();
  const size_t told = mending.sink().lines().size();
  RC_ASSERT(mending.Differences().empty());
  mending.PassAgain();
  mending.Log();
  RC_ASSERT(mending.sink().lines().size() == told);
}

RC_GTEST_PROP(SnapshotLaws, WhatTheDatabaseForgotEndsInTheNextQuietPass, (uint64_t seed, bool history_known)) {
  Mending mending({.seed = seed, .history_known = history_known, .purged = true});
  mending.Mend();
  mending.PassAgain();
  const size_t told = mending.sink().lines().size();
  const std::vector<std::string> differences = mending.Differences();
  mending.PassAgain();
  mending.Log();
  for (const std::string& line : differences) RC_LOG() << "differs " << line << "\n";
  RC_ASSERT(differences.empty());
  RC_ASSERT(mending.sink().lines().size() == told);
  mending.Expire();
  RC_ASSERT(mending.sink().rows() == mending.Truth());
}

}  // namespace
}  // namespace braid::testing
