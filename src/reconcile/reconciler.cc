#include "reconcile/reconciler.h"

#include <algorithm>

namespace braid {
namespace {

constexpr int64_t kMicros = 1'000'000;

UnixSeconds SecondOf(WriteTime time) {
  return UnixSeconds{time.us / kMicros - (time.us % kMicros < 0 ? 1 : 0)};
}

PartitionRef RefOf(const Mutation& mutation) {
  return {mutation.schema->table_id, mutation.token, mutation.partition_key};
}

}  // namespace

Reconciler::Reconciler(const Options& options, State* state)
    : options_(options),
      state_(state),
      copies_(options.copy_filter_bytes, {options.copy_filter_seed.data(), options.copy_filter_seed.size()}) {}

Status Reconciler::Apply(const Mutation& mutation, UnixSeconds now, ChangeSink& sink) {
  ++stats_.mutations;
  if (!copies_.enabled()) return ApplyCut(mutation, now, sink);
  const CopyFilter::Hash hash = copies_.HashOf(mutation);
  if (copies_.Contains(hash)) {
    ++stats_.writes;
    ++stats_.copies;
    return {};
  }
  TRY(ApplyCut(mutation, now, sink));
  copies_.Add(hash);
  return {};
}

Status Reconciler::ApplyCut(const Mutation& mutation, UnixSeconds now, ChangeSink& sink) {
  cut_arena_.Reset();
  writes_.clear();
  CutIntoWrites(mutation, &cut_arena_, &writes_);
  if (writes_.size() == 1) return ApplyWrite(writes_.front(), now, sink);
  order_.clear();
  for (size_t i = 0; i < writes_.size(); ++i) order_.emplace_back(OrderOf(writes_[i]), i);
  std::ranges::sort(order_);
  for (const auto& [order, index] : order_) TRY(ApplyWrite(writes_[index], now, sink));
  return {};
}

Status Reconciler::ApplyWrite(const Mutation& write, UnixSeconds now, ChangeSink& sink) {
  ++stats_.writes;
  step_arena_.Reset();
  const PartitionRef partition = RefOf(write);
  if (!ahead_.empty()) NoteAhead(partition);
  UnixSeconds clock = now;
  if (options_.partition_clock) {
    ASSIGN_OR_RETURN(const PartitionHeader header, ReadHeader(partition));
    clock = std::min(now, SecondOf(std::max(header.clock, WriteTimeOf(write))));
  }
  TRY(ExpireUntil(*write.schema, partition, clock, sink));
  const Target target = TargetOf(write);
  if (target == Target::kRow || target == Target::kStatic) return ApplyRowWrite(partition, write, clock, sink);
  return ApplyDeletion(partition, write, clock, sink);
}

Result<PartitionHeader> Reconciler::ReadHeader(const PartitionRef& partition) {
  ASSIGN_OR_RETURN(const PartitionHeader* header, state_->ReadHeader(partition, &step_arena_));
  return header != nullptr ? *header : NewHeader(partition);
}

PartitionHeader Reconciler::NewHeader(const PartitionRef& partition) {
  return FreshHeader(HistoryKnown(partition.table) || IsWalked(partition));
}

bool Reconciler::HistoryKnown(const TableId& table) {
  if (const bool* of_all = std::get_if<bool>(&options_.history_known)) return *of_all;
  const auto [known, is_new] = histories_.try_emplace(table, false);
  if (is_new) known->second = std::get<1>(options_.history_known)(table);
  return known->second;
}

Status Reconciler::ApplyRowWrite(const PartitionRef& partition, const Mutation& write, UnixSeconds now,
                                 ChangeSink& sink) {
  ASSIGN_OR_RETURN(PartitionHeader header, ReadHeader(partition));
  const RowRef ref = PlanOf(write).row;
  ASSIGN_OR_RETURN(const RowState* row, state_->ReadRow(partition, ref, &step_arena_));
  // Of a partition that a snapshot is being held against, the rows up to there are known.
  const bool is_walked = row == nullptr && !header.complete && IsWalked(partition, ref);
  if (is_walked) header.complete = true;
  ASSIGN_OR_RETURN(const RowOutcome outcome, ApplyToRow(&header, row, write, now, &step_arena_));
  if (is_walked) header.complete = false;
  Count(outcome.verdict);
  if (outcome.verdict == Verdict::kCopy || outcome.verdict == Verdict::kOvertaken) return {};
  if (outcome.verdict == Verdict::kChange) TRY(Emit(outcome.change, sink));
  const RowDelta delta{ref, &outcome.state, outcome.due_before, outcome.due_after};
  return state_->Write({partition, &header, false, {&delta, 1}});
}

Status Reconciler::ApplyDeletion(const PartitionRef& partition, const Mutation& write, UnixSeconds now,
                                 ChangeSink& sink) {
  ASSIGN_OR_RETURN(const PartitionHeader header, ReadHeader(partition));
  DeletionWalk walk(header, write);
  if (walk.verdict() != Verdict::kSilent) {
    Count(walk.verdict());
    return {};
  }
  const uint64_t changes = stats_.changes;
  while (!walk.done()) {
    TRY(DeletionChunk(partition, now, &walk, sink));
    if (!walk.done() && options_.between_chunks) TRY(options_.between_chunks());
  }
  if (stats_.changes == changes) Count(Verdict::kSilent);
  return {};
}

Status Reconciler::DeletionChunk(const PartitionRef& partition, UnixSeconds now, DeletionWalk* walk, ChangeSink& sink) {
  step_arena_.Reset();
  rows_.clear();
  deltas_.clear();
  ASSIGN_OR_RETURN(PartitionHeader header, ReadHeader(partition));
  TRY(state_->ReadRows(partition, walk->range(), options_.rows_per_chunk, &step_arena_, &rows_));
  const std::optional<ByteView> last_key =
      rows_.size() == options_.rows_per_chunk ? std::optional(rows_.back().ref.key) : std::nullopt;
  if (walk->wants_static()) {
    ASSIGN_OR_RETURN(const RowState* row, state_->ReadRow(partition, {.is_static = true, .key = {}}, &step_arena_));
    if (row != nullptr) rows_.insert(rows_.begin(), {{.is_static = true, .key = {}}, *row});
  }
  stats_.rows_walked += rows_.size();
  // The deltas point to the states in here, so they must not move.
  const std::span<RowOutcome> outcomes = step_arena_.NewArray<RowOutcome>(rows_.size());
  for (size_t i = 0; i < rows_.size(); ++i) {
    const RowEntry& entry = rows_[i];
    ASSIGN_OR_RETURN(outcomes[i], walk->ApplyTo(entry.ref, entry.state, now, &header, &step_arena_));
    const RowOutcome& outcome = outcomes[i];
    if (outcome.verdict == Verdict::kCopy) continue;
    if (outcome.verdict == Verdict::kChange) TRY(Emit(outcome.change, sink));
    deltas_.push_back({entry.ref, outcome.forget ? nullptr : &outcome.state, outcome.due_before, outcome.due_after});
  }
  walk->EndChunk(last_key, &header, &step_arena_);
  if (walk->done()) {
    if (const std::optional<Change> change = walk->RangeChange(&header)) TRY(Emit(*change, sink));
  } else if (deltas_.empty()) {
    return {};
  }
  return state_->Write({partition, &header, false, deltas_});
}

Status Reconciler::ExpirePartition(const TableSchema& schema, Token token, ByteView partition_key, UnixSeconds now,
                                   ChangeSink& sink) {
  step_arena_.Reset();
  return ExpireUntil(schema, {schema.table_id, token, partition_key}, now, sink);
}

Status Reconciler::ExpireUntil(const TableSchema& schema, const PartitionRef& partition, UnixSeconds now,
                               ChangeSink& sink) {
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<DueRow> due, state_->NextDue(partition, now, &step_arena_));
    if (!due.has_value()) return {};
    TRY(ExpireOne(&schema, *due, sink));
    step_arena_.Reset();
  }
}

Result<bool> Reconciler::ExpireDue(UnixSeconds now, SchemaFinder& schemas, ChangeSink& sink, size_t max_rows) {
  for (size_t n = 0; n < max_rows; ++n) {
    step_arena_.Reset();
    ASSIGN_OR_RETURN(const std::optional<DueRow> due, state_->NextDueOfAll(now, &step_arena_));
    if (!due.has_value()) return false;
    TRY(ExpireOne(schemas.Find(due->partition.table), *due, sink));
  }
  return true;
}

Status Reconciler::ExpireOne(const TableSchema* schema, const DueRow& due, ChangeSink& sink) {
  ASSIGN_OR_RETURN(PartitionHeader header, ReadHeader(due.partition));
  ASSIGN_OR_RETURN(const RowState* row, state_->ReadRow(due.partition, due.ref, &step_arena_));
  if (row == nullptr || NextExpiry(*row) != due.due) {
    // It outlived its row: the table was forgotten.
    const RowDelta cancel{due.ref, row, due.due, row == nullptr ? UnixSeconds::Never() : NextExpiry(*row)};
    return state_->Write({due.partition, nullptr, false, {&cancel, 1}});
  }
  RowOutcome outcome;
  if (schema != nullptr) {
    outcome = ExpireRow(*schema, due.partition.token, due.partition.key, &header, due.ref, *row, &step_arena_);
  } else {
    outcome.verdict = Verdict::kSilent;
    outcome.state = *row;
    outcome.state.expired_through = outcome.due_before = due.due;
    outcome.due_after = NextExpiry(outcome.state);
  }
  if (outcome.verdict == Verdict::kChange) {
    ++stats_.expired;
    TRY(Emit(outcome.change, sink));
  }
  const RowDelta delta{due.ref, &outcome.state, outcome.due_before, outcome.due_after};
  return state_->Write({due.partition, &header, false, {&delta, 1}});
}

Status Reconciler::ForgetPartition(const TableSchema& schema, Token token, ByteView partition_key) {
  return state_->ForgetPartition({schema.table_id, token, partition_key});
}

Status Reconciler::Emit(const Change& change, ChangeSink& sink) {
  TRY(sink.Emit(change));
  ++stats_.changes;
  if (change.late) ++stats_.late;
  return {};
}

void Reconciler::Count(Verdict verdict) {
  switch (verdict) {
    case Verdict::kCopy:
      ++stats_.copies;
      break;
    case Verdict::kOvertaken:
      ++stats_.overtaken;
      break;
    case Verdict::kSilent:
      ++stats_.silent;
      break;
    case Verdict::kChange:
      break;
  }
}

}  // namespace braid
