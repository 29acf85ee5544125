// A snapshot of a table, side by side with the state: see snapshot.h, and lww/snapshot.h for what becomes of a row.
#include <algorithm>
#include <limits>

#include "base/check.h"
#include "reconcile/lww/image.h"
#include "reconcile/lww/merge.h"
#include "reconcile/lww/snapshot.h"
#include "reconcile/reconciler.h"
#include "reconcile/walk_place.h"

namespace braid {
namespace {

// As many partitions of the state a walk knows ahead: to ask for each by itself costs a search.
constexpr size_t kPartitionsAhead = 256;
constexpr size_t kMostPartitionsAhead = 4096;
// Stretches of a table that are remembered as known. There is one for each cursor, and one more wherever a snapshot was
// not whole. What is forgotten is only not known.
constexpr size_t kMostStretches = 1024;

std::string FirstOf(const TableId& table, Token token) {
  return internal::KeyAt({table, token, {}}, std::nullopt);
}

// Behind all partitions with this token.
std::string EndOf(TableId table, Token token) {
  constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();
  if (token.value != kGreatest) return FirstOf(table, Token{token.value + 1});
  // No table has an id of ones alone.
  for (size_t i = table.bytes.size(); i > 0 && ++table.bytes[i - 1] == 0; --i) continue;
  return FirstOf(table, Token{std::numeric_limits<int64_t>::min()});
}

bool HasStatics(const TableSchema& schema) {
  return std::ranges::any_of(schema.columns, [](const Column& column) { return column.kind == ColumnKind::kStatic; });
}

bool SameHeader(const PartitionHeader& a, const PartitionHeader& b) {
  return a.deletion == b.deletion && a.complete == b.complete && a.clock == b.clock &&
         a.last_emitted == b.last_emitted &&
         std::ranges::equal(a.ranges, b.ranges, [](const RangeDeletion& x, const RangeDeletion& y) {
           return x.start.cut == y.start.cut && x.end.cut == y.end.cut && x.deletion == y.deletion;
         });
}

// True if all rows before `cut` are under ranges of the header that are as strong as `deletion`.
bool IsCoveredUpTo(const PartitionHeader& header, ByteView cut, const Deletion& deletion) {
  std::string covered;
  for (const RangeDeletion& range : header.ranges) {
    if (range.start.cut > covered || Supersedes(deletion, range.deletion)) break;
    covered = std::max<std::string>(covered, std::string(range.end.cut));
  }
  return cut <= covered;
}

Difference DifferenceOf(const SnapshotOutcome& outcome) {
  const Change& change = outcome.row.change;
  if (change.before == nullptr) return Difference::kMissing;
  if (change.after == nullptr) return Difference::kExtra;
  return outcome.contradicts ? Difference::kDifferent : Difference::kStale;
}

}  // namespace

// One call's work.
struct Reconciler::SnapshotCall {
  const TableSchema& schema;
  SnapshotCursor* cursor;
  const SnapshotRules& rules;
  size_t left;  // rows
  ChangeSink* sink = nullptr;
  DifferenceSink* differences = nullptr;  // or only look

  bool only_looks() const { return differences != nullptr; }
};

// What the snapshot says of one stretch of a partition: from where the cursor stands up to `end`, or to the partition's
// end if it is the `last`.
struct Reconciler::SnapshotPart {
  PartitionRef partition;
  Deletion deletion;
  const RowUpdate* static_row = nullptr;
  std::span<const RowUpdate> rows;
  std::span<const RangeDeletion> ranges;
  bool first = true;  // so that it says all of the static row
  bool last = true;
  std::string end;

  Deletion Covering(ByteView key) const { return Stronger(deletion, DeletionAt(ranges, key)); }
};

// Some neighbouring rows, of the state and of the snapshot, and the keys that they stand for.
struct Reconciler::SnapshotStretch {
  struct Entry {
    RowRef ref;
    const RowState* state = nullptr;
    const RowUpdate* found = nullptr;
  };
  std::vector<Entry> entries;
  bool has_static = false;
  std::string start;
  std::string end;     // behind them
  bool ends = false;   // the partition
  bool is_all = true;  // of what the part says
};

SnapshotCursor Reconciler::SnapshotFrom(const TableSchema& schema, Token from) {
  SnapshotCursor cursor;
  cursor.next = cursor.known = FirstOf(schema.table_id, from);
  return cursor;
}

Result<Token> Reconciler::SnapshotToken(const SnapshotCursor& cursor) {
  Arena arena(256);
  ASSIGN_OR_RETURN(const internal::WalkPlace place, internal::PlaceOf(cursor.next, &arena));
  return place.partition.token;
}

void Reconciler::ResumeSnapshot(const TableSchema& schema, const SnapshotCursor& cursor) {
  if (cursor.known < cursor.next) NoteWalked(schema.table_id, cursor.known, cursor.next);
}

void Reconciler::NoteWalked(const TableId& table, const std::string& from, const std::string& next) {
  std::map<std::string, std::string>& stretches = walked_[table];
  std::string& end = stretches[from];
  end = std::max(end, next);
  if (stretches.size() > kMostStretches) stretches.erase(stretches.begin());
}

// True if a whole snapshot was held against all from `first` on to before `last`.
bool Reconciler::IsWalked(const TableId& table, const std::string& first, const std::string& last) const {
  const auto found = walked_.find(table);
  if (found == walked_.end()) return false;
  return std::ranges::any_of(found->second,
                             [&](const auto& stretch) { return stretch.first <= first && last <= stretch.second; });
}

bool Reconciler::IsWalked(const PartitionRef& partition) const {
  if (walked_.empty()) return false;
  return IsWalked(partition.table, internal::KeyAt(partition, std::nullopt), internal::KeyAfter(partition));
}

bool Reconciler::IsWalked(const PartitionRef& partition, const RowRef& row) const {
  if (walked_.empty()) return false;
  const std::string key = internal::KeyOf(partition, row);
  return IsWalked(partition.table, key, key + '\0');
}

Result<bool> Reconciler::TakeSnapshotPiece(SnapshotCursor* cursor, const Mutation& piece, bool first, bool last,
                                           const SnapshotRules& rules, size_t max_rows, ChangeSink& sink) {
  SnapshotCall call{*piece.schema, cursor, rules, max_rows, &sink};
  return TakePiece(piece, first, last, &call);
}

Result<bool> Reconciler::CompareSnapshotPiece(SnapshotCursor* cursor, const Mutation& piece, bool first, bool last,
                                              const SnapshotRules& rules, size_t max_rows,
                                              DifferenceSink& differences) {
  SnapshotCall call{*piece.schema, cursor, rules, max_rows, nullptr, &differences};
  return TakePiece(piece, first, last, &call);
}

Result<bool> Reconciler::EndSnapshotRange(const TableSchema& schema, SnapshotCursor* cursor, Token through,
                                          const SnapshotRules& rules, size_t max_rows, ChangeSink& sink) {
  SnapshotCall call{schema, cursor, rules, max_rows, &sink};
  return EndRange(through, &call);
}

Result<bool> Reconciler::CompareSnapshotRange(const TableSchema& schema, SnapshotCursor* cursor, Token through,
                                              const SnapshotRules& rules, size_t max_rows,
                                              DifferenceSink& differences) {
  SnapshotCall call{schema, cursor, rules, max_rows, nullptr, &differences};
  return EndRange(through, &call);
}

Result<bool> Reconciler::EndRange(Token through, SnapshotCall* call) {
  const TableId& table = call->schema.table_id;
  ASSIGN_OR_RETURN(const bool more, PassUntil(EndOf(table, through), call));
  if (!more) ahead_.erase(table);
  return more;
}

// The cursor has come to `next`.
void Reconciler::MoveCursor(std::string next, SnapshotCall* call) {
  SnapshotCursor* cursor = call->cursor;
  cursor->next = std::move(next);
  if (call->only_looks()) return;
  if (!call->rules.whole) {
    cursor->known = cursor->next;
  } else {
    NoteWalked(call->schema.table_id, cursor->known, cursor->next);
  }
}

// Makes `ahead_` of the table know the partitions of the state from the key `from` of one on, and some more.
Result<Reconciler::PartitionsAhead*> Reconciler::LookAhead(const std::string& from, const PartitionRef& partition) {
  PartitionsAhead& ahead = ahead_[partition.table];
  if (ahead.from <= from && from < ahead.to) return &ahead;
  Arena arena(4096);
  std::vector<PartitionRef> partitions;
  TRY(state_->ListPartitions(partition, kPartitionsAhead, &arena, &partitions));
  ahead.keys.clear();
  ahead.from = from;
  ahead.to = EndOf(partition.table, Token{std::numeric_limits<int64_t>::max()});
  for (const PartitionRef& found : partitions) {
    if (found.table != partition.table) break;
    ahead.keys.insert(ahead.keys.end(), internal::KeyAt(found, std::nullopt));
  }
  if (ahead.keys.size() == kPartitionsAhead) ahead.to = internal::KeyAfter(partitions.back());
  return &ahead;
}

// A partition that may be new in the state. What is known ahead may be too much, but never too little.
void Reconciler::NoteAhead(const PartitionRef& partition) {
  const auto ahead = ahead_.find(partition.table);
  if (ahead == ahead_.end()) return;
  std::string key = internal::KeyAt(partition, std::nullopt);
  if (key < ahead->second.from || ahead->second.to <= key) return;
  ahead->second.keys.insert(std::move(key));
  if (ahead->second.keys.size() > kMostPartitionsAhead) ahead_.erase(ahead);
}

// Goes over the partitions of the state before the key `stop`, of which the snapshot has nothing. True: there are more.
Result<bool> Reconciler::PassUntil(const std::string& stop, SnapshotCall* call) {
  SnapshotCursor* cursor = call->cursor;
  if (cursor->next.empty()) *cursor = SnapshotFrom(call->schema, Token{std::numeric_limits<int64_t>::min()});
  while (cursor->next < stop) {
    if (call->left == 0) return true;
    Arena arena(1024);
    ASSIGN_OR_RETURN(const internal::WalkPlace place, internal::PlaceOf(cursor->next, &arena));
    const std::string from = internal::KeyAt(place.partition, std::nullopt);
    ASSIGN_OR_RETURN(PartitionsAhead* const ahead, LookAhead(from, place.partition));
    ahead->keys.erase(ahead->keys.begin(), ahead->keys.lower_bound(from));
    ahead->from = from;
    if (ahead->keys.empty() || *ahead->keys.begin() >= stop) {
      MoveCursor(ahead->keys.empty() ? std::min(stop, ahead->to) : stop, call);
      cursor->deletion = {};
      continue;
    }
    ASSIGN_OR_RETURN(const internal::WalkPlace next, internal::PlaceOf(*ahead->keys.begin(), &arena));
    ASSIGN_OR_RETURN(const bool more, TakePart({.partition = next.partition, .end = {}}, call));
    if (more) return true;
  }
  return false;
}

Result<bool> Reconciler::TakePiece(const Mutation& piece, bool first, bool last, SnapshotCall* call) {
  SnapshotCursor* cursor = call->cursor;
  SnapshotPart part;
  part.partition = {piece.schema->table_id, piece.token, piece.partition_key};
  ASSIGN_OR_RETURN(const bool before, PassUntil(internal::KeyAt(part.partition, std::nullopt), call));
  if (before) return true;
  if (cursor->next >= internal::KeyAfter(part.partition)) return false;
  part.deletion = piece.partition_deletion;
  if (!first) part.deletion = Stronger(part.deletion, cursor->deletion);
  part.static_row = piece.static_row;
  part.rows = piece.rows;
  part.ranges = piece.ranges;
  part.first = first;
  part.last = last;
  if (!part.rows.empty()) part.end = std::string(part.rows.back().key) + '\0';
  if (!part.ranges.empty()) part.end = std::max<std::string>(part.end, std::string(part.ranges.back().end.cut));
  if (first) TRY(MayBeginAgain(part, call));
  ASSIGN_OR_RETURN(const bool more, TakePart(part, call));
  if (!more) cursor->deletion = last ? Deletion{} : part.deletion;
  return more;
}

// Another snapshot than the one before may have a deletion of the partition that the rows behind the cursor were not
// held against: then they are, from the partition's beginning.
Status Reconciler::MayBeginAgain(const SnapshotPart& part, SnapshotCall* call) {
  if (part.deletion.live() || call->only_looks() || !call->rules.whole) return {};
  Arena arena(256);
  ASSIGN_OR_RETURN(const internal::WalkPlace place, internal::PlaceOf(call->cursor->next, &arena));
  if (!place.from.has_value()) return {};
  step_arena_.Reset();
  ASSIGN_OR_RETURN(const PartitionHeader header, ReadHeader(part.partition));
  if (!Supersedes(part.deletion, header.deletion)) return {};
  const RowRef static_row{.is_static = true, .key = {}};
  ASSIGN_OR_RETURN(const RowState* row, state_->ReadRow(part.partition, static_row, &step_arena_));
  const bool holds = row != nullptr && !Supersedes(part.deletion, row->deletion);
  if ((holds || !HasStatics(call->schema)) && IsCoveredUpTo(header, *place.from, part.deletion)) return {};
  call->cursor->next = internal::KeyAt(part.partition, std::nullopt);
  return {};
}

// Holds the part against the state, from the cursor on. True: there is more of it.
Result<bool> Reconciler::TakePart(const SnapshotPart& part, SnapshotCall* call) {
  Arena arena(256);
  ASSIGN_OR_RETURN(const internal::WalkPlace place, internal::PlaceOf(call->cursor->next, &arena));
  std::optional<std::string> from;
  if (place.partition.key == part.partition.key && place.partition.token == part.partition.token) from = place.from;
  if (!call->only_looks()) {
    step_arena_.Reset();
    TRY(ExpireUntil(call->schema, part.partition, call->rules.now, *call->sink));
  }
  while (call->left > 0) {
    SnapshotStretch stretch;
    TRY(ReadStretch(part, from, call, &stretch));
    TRY(TakeStretch(part, stretch, call));
    call->left -= std::min(call->left, std::max<size_t>(stretch.entries.size(), 1));
    MoveCursor(stretch.ends ? internal::KeyAfter(part.partition) : internal::KeyAt(part.partition, stretch.end), call);
    if (stretch.is_all) return false;
    from = stretch.end;
  }
  return true;
}

// Reads some rows of state and snapshot from `from` on, and the static row if that is the beginning.
Status Reconciler::ReadStretch(const SnapshotPart& part, const std::optional<std::string>& from, SnapshotCall* call,
                               SnapshotStretch* stretch) {
  const size_t max_rows = std::min(call->left, options_.rows_per_chunk);
  step_arena_.Reset();
  rows_.clear();
  deltas_.clear();
  stretch->start = from.value_or("");
  stretch->end = std::max(stretch->start, part.end);
  TRY(state_->ReadRows(part.partition, {stretch->start, stretch->end, part.last}, max_rows, &step_arena_, &rows_));
  std::vector<SnapshotStretch::Entry>& entries = stretch->entries;
  entries.reserve(rows_.size() + 1);
  auto found = std::ranges::lower_bound(part.rows, ByteView(stretch->start), {}, &RowUpdate::key);
  auto known = rows_.begin();
  while (entries.size() < max_rows && (found != part.rows.end() || known != rows_.end())) {
    SnapshotStretch::Entry& entry = entries.emplace_back();
    const bool takes_known =
        known != rows_.end() && (found == part.rows.end() || known->ref.key <= ByteView(found->key));
    const bool takes_found =
        found != part.rows.end() && (known == rows_.end() || ByteView(found->key) <= known->ref.key);
    entry.ref.key = takes_known ? known->ref.key : found->key;
    if (takes_known) entry.state = &(known++)->state;
    if (takes_found) entry.found = &*found++;
  }
  stretch->is_all = entries.size() < max_rows;
  stretch->ends = stretch->is_all && part.last;
  if (!stretch->is_all) stretch->end = std::string(entries.back().ref.key) + '\0';
  stretch->has_static = !from.has_value() && part.first && HasStatics(call->schema);
  if (!stretch->has_static) return {};
  SnapshotStretch::Entry entry{.ref = {.is_static = true, .key = {}}, .found = part.static_row};
  ASSIGN_OR_RETURN(entry.state, state_->ReadRow(part.partition, entry.ref, &step_arena_));
  entries.insert(entries.begin(), entry);
  return {};
}

// Makes of each row what it is from now on, tells of it, and writes it down, with the deletions around it.
Status Reconciler::TakeStretch(const SnapshotPart& part, const SnapshotStretch& stretch, SnapshotCall* call) {
  ASSIGN_OR_RETURN(const PartitionHeader* stored, state_->ReadHeader(part.partition, &step_arena_));
  PartitionHeader header = stored != nullptr ? *stored : NewHeader(part.partition);
  const PartitionHeader before = header;
  // In a partition of which not all is known, a deletion in the header says that rows are known from then on.
  const bool takes_deletions = call->rules.whole || header.complete;
  // The deltas point to the states in here, so they must not move.
  const std::span<SnapshotOutcome> outcomes = step_arena_.NewArray<SnapshotOutcome>(stretch.entries.size());
  for (size_t i = 0; i < stretch.entries.size(); ++i) {
    const SnapshotStretch::Entry& entry = stretch.entries[i];
    SnapshotSight sight;
    sight.whole = call->rules.whole;
    sight.repair = call->rules.repair;
    sight.now = call->rules.now;
    sight.touched = sight.whole && entry.state != nullptr && call->rules.touched != nullptr &&
                    call->rules.touched(part.partition, entry.ref);
    sight.covering = entry.ref.is_static ? part.deletion : part.Covering(entry.ref.key);
    sight.header_takes_covering = takes_deletions && (!entry.ref.is_static || stretch.ends);
    ASSIGN_OR_RETURN(outcomes[i], ApplySnapshotToRow(call->schema, part.partition.token, part.partition.key, &header,
                                                     entry.ref, entry.state, entry.found, sight, &step_arena_));
    TRY(TellOutcome(entry.ref, outcomes[i], call));
  }
  stats_.snapshot_rows += stretch.entries.size();
  if (call->only_looks()) return {};
  if (takes_deletions) {
    TakeDeletions(part, stretch, &header);
    const bool held = stretch.ends && !stretch.has_static && !part.deletion.live() && HasStatics(call->schema);
    if (held) TRY(UncoverStatic(part.partition, header, call));
  }
  const bool is_known = call->rules.whole && call->cursor->known <= internal::KeyAt(part.partition, std::nullopt);
  if (stretch.ends && is_known) header.complete = true;
  const bool says_nothing = stored == nullptr && header.deletion.live() && header.ranges.empty();
  if (deltas_.empty() && (says_nothing || SameHeader(header, before))) return {};
  return state_->Write({part.partition, &header, false, deltas_});
}

Status Reconciler::TellOutcome(const RowRef& ref, const SnapshotOutcome& outcome, SnapshotCall* call) {
  const RowOutcome& row = outcome.row;
  if (row.verdict == Verdict::kCopy) return {};
  if (call->only_looks()) {
    if (row.verdict != Verdict::kChange) return {};
    return call->differences->Tell(DifferenceOf(outcome), row.change);
  }
  if (row.verdict == Verdict::kChange) TRY(Emit(row.change, *call->sink));
  // What was taken in before may be news again.
  if (outcome.contradicts) copies_.Clear();
  deltas_.push_back({ref, row.forget ? nullptr : &row.state, row.due_before, row.due_after});
  return {};
}

// Puts the part's deletions into the header, as far as the stretch goes: rows behind it were not held against them yet,
// and what is written to those must still meet what they were.
void Reconciler::TakeDeletions(const SnapshotPart& part, const SnapshotStretch& stretch, PartitionHeader* header) {
  Arena* const arena = &step_arena_;
  const auto add = [&](RangeDeletion range) {
    if (range.start.cut < ByteView(stretch.start)) range.start = {.cut = stretch.start};
    if (!stretch.ends && ByteView(stretch.end) < range.end.cut) range.end = {.cut = stretch.end};
    if (range.start.cut < range.end.cut) header->ranges = MergeRanges(header->ranges, range, arena);
  };
  for (const RangeDeletion& range : part.ranges) add(range);
  if (stretch.ends) {
    header->deletion = Stronger(header->deletion, part.deletion);
  } else if (!part.deletion.live()) {
    add({.start = {.cut = stretch.start}, .end = {.cut = stretch.end}, .deletion = part.deletion});
  }
  header->ranges = RangesAbove(header->ranges, header->deletion, arena);
}

// The static row held the partition's deletion itself until now: the header has it from now on.
Status Reconciler::UncoverStatic(const PartitionRef& partition, const PartitionHeader& header, SnapshotCall* call) {
  const RowRef ref{.is_static = true, .key = {}};
  ASSIGN_OR_RETURN(const RowState* row, state_->ReadRow(partition, ref, &step_arena_));
  if (row == nullptr) return {};
  ASSIGN_OR_RETURN(const RowContent rest,
                   MergeContents(call->schema, header.deletion, ContentOf(*row), RowContent{}, &step_arena_));
  if (SameContent(rest, ContentOf(*row))) return {};
  RowState* state = step_arena_.New<RowState>();
  *state = WithContent(*row, rest);
  const bool forget = rest.empty() && state->revision == 0;
  deltas_.push_back(
      {ref, forget ? nullptr : state, NextExpiry(*row), forget ? UnixSeconds::Never() : NextExpiry(*state)});
  return {};
}

}  // namespace braid
