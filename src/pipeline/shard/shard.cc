#include "pipeline/shard/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "codec/mutation.h"
#include "reconcile/hold/news.h"

namespace braid {
namespace {

constexpr int64_t kMicros = 1'000'000;
// Rows that expire, and partitions that are swept, in one step: so that commits and mutations are not kept waiting.
constexpr size_t kRowsPerStep = 256;
constexpr int64_t kSweepPauseUs = 20'000;
constexpr int64_t kSweepEveryUs = 600 * kMicros;

UnixSeconds SecondOf(WriteTime time) {
  if (time.none()) return {std::numeric_limits<int64_t>::min()};
  return UnixSeconds{time.us / kMicros - (time.us % kMicros < 0 ? 1 : 0)};
}

}  // namespace

Shard::Shard(const Options& options, const Rooms& rooms, ShardMark mark)
    : options_(options),
      rooms_(rooms),
      reconciler_({.history_known = [this](const TableId& table) { return HistoryKnown(table); },
                   .between_chunks = [this] { return CommitIfLarge(); },
                   .copy_filter_bytes = options.copy_filter_bytes,
                   .copy_filter_seed = options.copy_filter_seed},
                  rooms.state),
      history_({}),
      mark_(std::move(mark)),
      committed_(mark_) {
  for (const NodeIndex node : options_.nodes) NodeOf(node);
  ResumeSnapshots();
  history_.Note(0, {mark_.nodes, mark_.input});
  if (options_.hold.needed()) {
    const auto is_news = [this](const Mutation& write) {
      news_arena_.Reset();
      return IsNews(rooms_.state, write, &news_arena_);
    };
    hold_.emplace(options_.hold, rooms_.schemas, is_news);
  }
}

Shard::~Shard() = default;

bool Shard::HistoryKnown(const TableId& table) const {
  return rooms_.schemas->HistoryKnown(table) && mark_.gaps.empty();
}

ShardMark::Node* Shard::NodeOf(NodeIndex node) {
  const auto at = std::ranges::lower_bound(mark_.nodes, node, {}, &ShardMark::Node::node);
  if (at != mark_.nodes.end() && at->node == node) return &*at;
  // Its log begins after whatever was truncated before it came.
  for (auto& [table, truncated] : mark_.truncated) truncated.cuts[node].count = truncated.count;
  return &*mark_.nodes.insert(at, {.node = node, .position = {.node = node}});
}

Shard::SettledSources Shard::Settled() {
  if (!hold_.has_value()) return {mark_.nodes, mark_.input};
  const auto oldest = hold_->oldest_number();
  // Noted, so that what is committed now is never taken back for one that comes to wait later: segments may be gone.
  if (!oldest.has_value()) history_.Note(arrivals_, {mark_.nodes, mark_.input});
  const Sources& settled = oldest.has_value() ? history_.AsOf(*oldest) : history_.Newest();
  return {settled.nodes, settled.input};
}

WriteTime Shard::Watermark() {
  WriteTime least{std::numeric_limits<int64_t>::max()};
  const SettledSources settled = Settled();
  if (settled.nodes.size() < options_.least_nodes) return WriteTime::None();
  for (const ShardMark::Node& node : settled.nodes) {
    const bool followed =
        options_.nodes.empty() || std::ranges::find(options_.nodes, node.node) != options_.nodes.end();
    if (followed && !node.retired) least = std::min(least, node.watermark);
  }
  return least.us == std::numeric_limits<int64_t>::max() ? WriteTime::None() : least;
}

UnixSeconds Shard::Clock() {
  return SecondOf(Watermark());
}

const TableSchema* Shard::Newest(const TableId& table) {
  const uint64_t version = rooms_.schemas->version();
  if (version != schemas_version_) {
    newest_.clear();
    schemas_version_ = version;
  }
  const auto [found, fresh] = newest_.try_emplace(table, nullptr);
  if (fresh) found->second = rooms_.schemas->FindTable(table);
  return found->second;
}

const TableSchema* Shard::Walked(const TableId& table) {
  const auto walked = mark_.schemas.find(table);
  const TableSchema* schema = walked == mark_.schemas.end() ? nullptr : rooms_.schemas->Find(walked->second);
  const TableSchema* newest = Newest(table);
  return schema == nullptr || newest == nullptr ? newest : schema;
}

Result<const TableSchema*> Shard::WalkToNewest(const TableId& table) {
  const TableSchema* newest = Newest(table);
  if (newest == nullptr || !newest->cdc) return newest;
  const auto walked = mark_.schemas.find(table);
  if (walked != mark_.schemas.end() && walked->second == newest->id) return newest;
  TRY(TakeSchema(table));
  return Walked(table);
}

Status Shard::Take(const Message& message, int64_t now_us) {
  now_us_ = now_us;
  TRY(TakeOne(message, now_us));
  if (message.next > mark_.input) {
    mark_.input = message.next;
    news_ = true;
  }
  return {};
}

Status Shard::TakeOne(const Message& message, int64_t now_us) {
  switch (message.kind) {
    case Message::Kind::kSchema:
      return TakeSchema(message.table);
    case Message::Kind::kGap:
      TakeGap(message.gap);
      return {};
    case Message::Kind::kRetired:
      NodeOf(message.position.node)->retired = true;
      news_ = true;
      return {};
    case Message::Kind::kSnapshotBegin:
      BeginSnapshot(message.table, message.snapshot);
      return {};
    case Message::Kind::kSnapshotPiece:
      return TakeSnapshotPiece(message);
    case Message::Kind::kSnapshotEnd:
      return EndSnapshot(message.table, message.snapshot);
    case Message::Kind::kTruncation:
      TRY(TakeTruncation(message, now_us));
      break;
    case Message::Kind::kTransaction:
      if (message.again) return TakeTransaction(message, now_us);
      // Given again after a restart in which another shard was behind.
      if (message.position <= NodeOf(message.position.node)->position) return {};
      TRY(TakeTransaction(message, now_us));
      break;
    case Message::Kind::kProgress:
      break;
  }
  ShardMark::Node* node = NodeOf(message.position.node);
  node->position = std::max(node->position, message.position);
  if (message.kind == Message::Kind::kProgress) {
    node->watermark = std::max(node->watermark, message.time);
    if (hold_.has_value()) history_.Note(arrivals_, {mark_.nodes, std::max(mark_.input, message.next)});
  }
  news_ = true;
  return {};
}

Status Shard::TakeTransaction(const Message& message, int64_t now_us) {
  arena_.Reset();
  ASSIGN_OR_RETURN(const Transaction transaction, DecodeTransaction(message.bytes, *rooms_.schemas, &arena_));
  for (const Mutation& given : transaction.mutations) {
    Mutation mutation = given;
    // A node's index is this shard's own.
    mutation.position.node = message.position.node;
    TRY(Apply(mutation, now_us));
  }
  return {};
}

Status Shard::Apply(const Mutation& mutation, int64_t now_us) {
  if (!Counts(mutation)) return {};
  NoteTouched(mutation);
  // Columns keep their ids, so the newest definition reads what an older one wrote: images do not go back and forth
  // between definitions while nodes are read at different places.
  Mutation seen = mutation;
  ASSIGN_OR_RETURN(const TableSchema* newest, WalkToNewest(mutation.schema->table_id));
  if (newest != nullptr) seen.schema = newest;
  if (!hold_.has_value()) return reconciler_.Apply(seen, Clock(), *this);
  TRY(hold_->Add(seen, now_us, arrivals_++));
  return ApplyHeld(now_us);
}

Status Shard::ApplyHeld(int64_t now_us) {
  while (true) {
    ASSIGN_OR_RETURN(const Hold::Held* held, hold_->Next(now_us));
    if (held == nullptr) return {};
    Mutation write = held->write;
    ASSIGN_OR_RETURN(const TableSchema* newest, WalkToNewest(write.schema->table_id));
    if (newest != nullptr) write.schema = newest;
    confirmed_ = held->confirmed;
    const Status applied = reconciler_.ApplyWrite(write, Clock(), *this);
    confirmed_ = true;
    TRY(applied);
    hold_->Pop();
  }
}

// The rows of the table are gone from all nodes, each at a place of its own in its log. What a node logged before its
// cut is void, also if it is read after another node's cut was; what it logged after the cut, but before it told of it,
// is given again behind this message.
Status Shard::TakeTruncation(const Message& message, int64_t now_us) {
  const ShardMark::Truncated& known = mark_.truncated[message.table];
  const auto told = known.cuts.find(message.position.node);
  const ShardMark::Cut before = told == known.cuts.end() ? ShardMark::Cut() : told->second;
  if (message.cut <= before.at) return {};
  const bool is_first = before.count + 1 > known.count;
  if (is_first && hold_.has_value()) {
    // What was written before is told before.
    hold_->Release(message.table);
    TRY(ApplyHeld(now_us));
  }
  const TableSchema* table = is_first ? Newest(message.table) : nullptr;
  // Commits may stand between the rows: begun anew after a crash, it tells of none twice.
  if (table != nullptr && options_.truncate_rows) TRY(TruncateRows(*table, message.time));

  ShardMark::Truncated& truncated = mark_.truncated[message.table];
  for (const ShardMark::Node& node : mark_.nodes) truncated.cuts.try_emplace(node.node);
  ShardMark::Cut& cut = truncated.cuts[message.position.node];
  cut.at = message.cut;
  ++cut.count;
  news_ = true;
  // What was opened before still has the rows that are gone, of this node if not of those that told of it earlier.
  if (const auto snapshot = snapshots_.find(message.table); snapshot != snapshots_.end()) {
    snapshot->second.useless = true;
  }
  if (!is_first) return {};
  truncated.count = cut.count;
  return table != nullptr ? reconciler_.Truncate(*table, message.time, *this) : Status();
}

Status Shard::TruncateRows(const TableSchema& table, WriteTime at) {
  Reconciler::Cursor cursor;
  bool more = true;
  while (more) {
    ASSIGN_OR_RETURN(more, reconciler_.TruncateRows(table, at, Clock(), &cursor, kRowsPerStep, *this));
    TRY(CommitIfLarge());
  }
  return {};
}

// Rows that lived only by a column that was dropped are gone. (What is known of a table that was dropped stays: nodes
// that are read later may still tell of it.)
Status Shard::TakeSchema(const TableId& table) {
  reconciler_.ForgetHistory();
  const TableSchema* after = Newest(table);
  if (after == nullptr || !after->cdc) {
    ForgetSnapshot(table);
    return {};
  }
  SchemaId& walked = mark_.schemas[table];
  const TableSchema* before = rooms_.schemas->Find(walked);
  if (before != nullptr && before->id != after->id) {
    Reconciler::Cursor cursor;
    bool more = true;
    while (more) {
      ASSIGN_OR_RETURN(more, reconciler_.WalkSchema(*before, *after, Clock(), &cursor, kRowsPerStep, *this));
      // Begun anew after a crash, it tells of no row twice.
      TRY(CommitIfLarge());
    }
  }
  news_ = news_ || walked != after->id;
  walked = after->id;
  return {};
}

bool Shard::Counts(const Mutation& mutation) const {
  const auto truncated = mark_.truncated.find(mutation.schema->table_id);
  if (truncated == mark_.truncated.end()) return true;
  const auto cut = truncated->second.cuts.find(mutation.position.node);
  if (cut == truncated->second.cuts.end()) return false;
  return cut->second.count >= truncated->second.count && mutation.position > cut->second.at;
}

Status Shard::Emit(const Change& change) {
  const bool unconfirmed = !confirmed_ && change.cause != Cause::kTtl;
  const bool in_gap = change.complete && !in_snapshot_ && InGap(*change.schema);
  if (unconfirmed || in_gap) {
    Change told = change;
    if (unconfirmed) told.confirmed = false;
    if (in_gap) told.complete = false;
    rooms_.timeline->Append(told);
  } else {
    rooms_.timeline->Append(change);
  }
  ++pending_changes_;
  // What was written long ago says nothing of how long a write waits.
  if (!in_snapshot_) pending_times_us_.push_back(change.ts.us);
  news_ = true;
  return {};
}

void Shard::TakeGap(const Gap& gap) {
  const auto same = [&](const Gap& open) { return open.id == gap.id; };
  const auto known = std::ranges::find_if(mark_.gaps, same);
  if (gap.open == (known != mark_.gaps.end())) return;
  rooms_.timeline->Append(gap);
  ++pending_changes_;
  news_ = true;
  if (gap.open) {
    mark_.gaps.push_back(gap);
    // What a snapshot said before no longer holds of rows that are not in the state.
    for (auto& [table, snapshot] : mark_.snapshots) snapshot.known = snapshot.next;
    reconciler_.ForgetCopies();
  } else {
    mark_.gaps.erase(known);
  }
  reconciler_.ForgetHistory();
}

Result<bool> Shard::Tick(int64_t now_us) {
  now_us_ = now_us;
  if (hold_.has_value()) TRY(ApplyHeld(now_us));
  const UnixSeconds clock = Clock();
  if (clock > expired_through_) {
    ASSIGN_OR_RETURN(const bool more, reconciler_.ExpireDue(clock, *this, *this, kRowsPerStep));
    if (more) return true;
    expired_through_ = clock;
  }
  return Purge(now_us);
}

// A sweep over the whole state now and then, a little at a time.
Result<bool> Shard::Purge(int64_t now_us) {
  if (now_us < next_sweep_us_) return false;
  // Every node that may still come back with something old holds the purge, followed or not.
  WriteTime passed{std::numeric_limits<int64_t>::max()};
  for (const ShardMark::Node& node : mark_.nodes) {
    if (!node.retired) passed = std::min(passed, node.watermark);
  }
  const auto purge_of = [&](const TableId& table) -> Reconciler::TablePurge {
    const TableSchema* schema = Walked(table);
    if (schema == nullptr || passed.none()) return {};
    return {schema,
            {.now = {now_us / kMicros},
             .gc_grace_s = schema->gc_grace_s,
             .sources_passed = {passed.us - options_.purge_slack_us},
             .open_gap = !mark_.gaps.empty() || UnderSnapshot(table)}};
  };
  const uint64_t purged = PurgedParts();
  ASSIGN_OR_RETURN(const bool more, reconciler_.PurgeSome(&sweep_, purge_of, kRowsPerStep));
  news_ = news_ || PurgedParts() != purged;
  next_sweep_us_ = now_us + (more ? kSweepPauseUs : kSweepEveryUs);
  return false;
}

uint64_t Shard::PurgedParts() const {
  const Reconciler::Stats& stats = reconciler_.stats();
  return stats.rows_purged + stats.parts_purged + stats.partitions_purged;
}

size_t Shard::pending_bytes() const {
  return rooms_.state->pending_bytes() + rooms_.timeline->pending_bytes();
}

// In the middle of what one message brings: the positions are still those before it. A disk that is full is for the
// host to wait for, when the message is done.
Status Shard::CommitIfLarge() {
  if (pending_bytes() < options_.commit_bytes) return {};
  const Status committed = options_.commit ? options_.commit() : Commit(now_us_);
  const bool later = !committed.has_value() && committed.error().code == ErrorCode::kNoSpace;
  return later ? Status() : committed;
}

Status Shard::Commit(int64_t now_us) {
  ASSIGN_OR_RETURN(const ShardMark* mark, Prepare(now_us));
  return mark == nullptr ? Status() : Finish(now_us);
}

Result<const ShardMark*> Shard::Prepare(int64_t now_us) {
  if (!news_) return nullptr;
  Failpoint("shard.commit-begin");
  TRY(rooms_.timeline->Sync(now_us));
  Failpoint("shard.timeline-synced");
  prepared_ = mark_;
  const SettledSources settled = Settled();
  prepared_.nodes = settled.nodes;
  prepared_.input = settled.input;
  for (ShardMark::Node& node : prepared_.nodes) node.retired = NodeOf(node.node)->retired;
  prepared_.commit = committed_.commit + 1;
  prepared_.timeline_end = rooms_.timeline->end();
  prepared_.committed_us = now_us;
  return &prepared_;
}

Status Shard::Finish(int64_t now_us, Offset changelog) {
  prepared_.changelog = changelog;
  TRY(rooms_.state->Commit(EncodeMark(prepared_)));
  Failpoint("shard.state-committed");
  TRY(rooms_.timeline->Publish());
  Failpoint("shard.published");
  mark_.commit = prepared_.commit;
  committed_ = std::move(prepared_);
  ++commits_;
  for (const int64_t written_us : pending_times_us_) latencies_.Add(now_us - written_us);
  pending_times_us_.clear();
  pending_changes_ = 0;
  news_ = snapshot_done_ = false;
  return {};
}

NodeIndex Shard::IndexOf(const HostId& host, std::string_view label) {
  const auto known = std::ranges::find(mark_.hosts, host, &ShardMark::Host::id);
  const auto index = static_cast<uint16_t>(known - mark_.hosts.begin());
  if (known == mark_.hosts.end()) {
    mark_.hosts.push_back({host, std::string(label)});
  } else if (!label.empty()) {
    known->label = label;
  }
  return {index};
}

ShardStats Shard::stats() {
  ShardStats stats;
  stats.reconcile = reconciler_.stats();
  stats.timeline = rooms_.timeline->stats();
  stats.commits = commits_;
  if (hold_.has_value()) {
    stats.held = hold_->stats().held;
    stats.unconfirmed = hold_->stats().unconfirmed;
    // What is joined while it waits is a copy all the same, and mutations are cut into writes before they wait.
    stats.reconcile.mutations = arrivals_;
    stats.reconcile.copies += hold_->stats().joined;
  }
  const WriteTime watermark = Watermark();
  stats.watermark_us = watermark.none() ? 0 : watermark.us;
  return stats;
}

LatencyHistogram Shard::TakeLatencies() {
  return std::exchange(latencies_, {});
}

}  // namespace braid
