#include "simulation.h"

#include <algorithm>

#include "codec/change.h"
#include "codec/commit.h"
#include "codec/mutation.h"
#include "codec/row_state.h"
#include "oracle.h"
#include "reconcile/lww/write.h"
#include "reconcile/state_record.h"
#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_replay.h"
#include "reconcile/testing/toy_table.h"

namespace braid::sim {
namespace {

using testing::ToyRandom;

Error Broken(const std::string& what) {
  return InvalidArgument(what);
}

std::string RowsText(const std::map<std::string, std::string>& rows) {
  std::string text;
  for (const auto& [row, image] : rows) text += row + " " + image + "\n";
  return text;
}

std::string Lines(const testing::CheckingSink& sink) {
  std::string text;
  for (const std::string& line : sink.lines()) text += line + "\n";
  return text;
}

}  // namespace

Status Disk::Take(ByteView commit_bytes) {
  ASSIGN_OR_RETURN(const braid::Commit commit, DecodeCommit(commit_bytes));
  if (commit.number != commits + 1) return Broken("a commit is missing");
  if (commit.first_sequence.n != changes.size()) return Broken("a commit's changes do not follow the last one's");
  ++commits;
  for (const SourcePosition& source : commit.positions) {
    positions[source.position.node.value] = source.position.offset;
  }
  for (const StateWrite& write : commit.state) {
    if (write.erased) {
      records.erase(write.key);
    } else {
      records[write.key] = write.value;
    }
  }
  for (const Timer& timer : commit.timers) {
    if (timer.cancelled) {
      if (timers.erase({timer.due.s, timer.key}) == 0) return Broken("a timer is cancelled that was never set");
    } else {
      timers.insert({timer.due.s, timer.key});
    }
  }
  changes.insert(changes.end(), commit.changes.begin(), commit.changes.end());
  return {};
}

// Memory, whose deltas also go into the pending commit; after any of them the host may decide to commit.
class Simulation::LoggedState : public State {
 public:
  explicit LoggedState(Simulation* host) : host_(*host) {}

  Result<const PartitionHeader*> ReadHeader(const PartitionRef& partition, Arena* arena) override {
    return memory.ReadHeader(partition, arena);
  }
  Result<const RowState*> ReadRow(const PartitionRef& partition, const RowRef& row, Arena* arena) override {
    return memory.ReadRow(partition, row, arena);
  }
  Status ReadRows(const PartitionRef& partition, const KeyRange& range, size_t max_rows, Arena* arena,
                  std::vector<RowEntry>* rows) override {
    return memory.ReadRows(partition, range, max_rows, arena, rows);
  }
  Status Write(const StateDelta& delta) override {
    AppendDelta(delta, &host_.pending_);
    TRY(memory.Write(delta));
    return host_.MaybeCommit();
  }
  Result<std::optional<DueRow>> NextDue(const PartitionRef& partition, UnixSeconds now, Arena* arena) override {
    return memory.NextDue(partition, now, arena);
  }
  Result<std::optional<DueRow>> NextDueOfAll(UnixSeconds now, Arena* arena) override {
    return memory.NextDueOfAll(now, arena);
  }
  Status ForgetPartition(const PartitionRef&) override { return Broken("no partition is to be forgotten here"); }
  Status ForgetTable(const TableId&) override { return Broken("no table is to be forgotten here"); }
  Status ListPartitions(const PartitionRef& from, size_t max, Arena* arena,
                        std::vector<PartitionRef>* partitions) override {
    return memory.ListPartitions(from, max, arena, partitions);
  }

  MemoryState memory;

 private:
  Simulation& host_;
};

Simulation::Simulation(uint64_t seed)
    : random_(seed), counters_(random_.Below(4) == 0), logs_(kNodes), now_s_(ToyRandom::kFirstSecond) {
  TableSchema schema = *testing::ParseTable(counters_ ? ToyRandom::kCounterTable : ToyRandom::kTable);
  schema.id = ComputeSchemaId(schema);
  schema_ = std::make_shared<const TableSchema>(std::move(schema));
  schemas_.Add(schema_);
  testing::ToyReader reader;
  for (uint64_t n = 5 + random_.Below(60); n > 0; --n) {
    const std::string line = counters_ ? random_.CounterLine() : random_.Line();
    story_.push_back(reader.Read(*schema_, line, &story_arena_));
  }
  WriteLogs();
}

Simulation::~Simulation() = default;

void Simulation::WriteLogs() {
  std::vector<std::vector<Mutation>> heard(kNodes);
  for (const Mutation& mutation : story_) {
    // At least one node hears of it, some of them more than once (hints, repairs), some of it in pieces.
    const uint64_t sure = random_.Below(kNodes);
    for (uint64_t node = 0; node < kNodes; ++node) {
      if (node != sure && random_.Below(3) == 0) continue;
      for (uint64_t copies = 1 + random_.Below(8) / 6; copies > 0; --copies) {
        if (random_.Below(4) == 0) {
          CutIntoWrites(mutation, &story_arena_, &heard[node]);
        } else {
          heard[node].push_back(mutation);
        }
      }
    }
  }
  for (uint16_t node = 0; node < kNodes; ++node) {
    std::vector<Mutation>& mutations = heard[node];
    // Most stay near their place, some come much later.
    for (size_t i = 0; i < mutations.size(); ++i) {
      const size_t reach = random_.Below(10) == 0 ? mutations.size() - i : std::min<size_t>(4, mutations.size() - i);
      std::swap(mutations[i], mutations[i + random_.Below(reach)]);
    }
    for (const Mutation& mutation : mutations) AddToLog(node, mutation);
  }
}

void Simulation::AddToLog(uint16_t node, const Mutation& mutation) {
  Mutation logged = mutation;
  logged.position = {NodeIndex{node}, SegmentId{1}, logs_[node].size() + 1};
  AppendMutation(&logs_[node].emplace_back(), logged);
}

const TableSchema* Simulation::Find(const TableId&) {
  return schema_.get();
}

Status Simulation::Emit(const Change& change) {
  AppendChange(&pending_.changes.emplace_back(), change);
  return {};
}

Status Simulation::Restart() {
  state_ = std::make_unique<LoggedState>(this);
  for (const auto& [key, value] : disk_.records) TRY(RestoreRecord(key, value, &state_->memory));
  Reconciler::Options options;
  options.rows_per_chunk = 1 + random_.Below(3);
  options.copy_filter_bytes = random_.Below(2) * 4096;
  reconciler_ = std::make_unique<Reconciler>(options, state_.get());
  positions_ = disk_.positions;
  pending_ = {};
  return {};
}

Status Simulation::MaybeCommit() {
  return random_.Below(6) == 0 ? Commit() : Status{};
}

Status Simulation::Commit() {
  pending_.number = disk_.commits + 1;
  pending_.first_sequence.n = disk_.changes.size();
  pending_.positions.clear();
  for (const auto& [node, offset] : positions_) {
    pending_.positions.push_back({{NodeIndex{node}, SegmentId{1}, offset}});
  }
  std::string bytes;
  AppendCommit(&bytes, pending_);
  pending_ = {};
  return disk_.Take(bytes);
}

Status Simulation::ReadOne(uint16_t node) {
  Arena arena(4096);
  // The position moves on only when all of the mutation is in: a commit within it stands before it.
  ASSIGN_OR_RETURN(const Mutation mutation, DecodeMutation(logs_[node][positions_[node]], schemas_, &arena));
  TRY(reconciler_->Apply(mutation, UnixSeconds{now_s_}, *this));
  ++positions_[node];
  return {};
}

Status Simulation::Run() {
  TRY(Restart());
  for (;;) {
    std::vector<uint16_t> unread;
    for (uint16_t node = 0; node < kNodes; ++node) {
      if (positions_[node] < logs_[node].size()) unread.push_back(node);
    }
    if (unread.empty()) break;
    switch (random_.Below(25)) {
      case 0:
        ++crashes_;
        TRY(Restart());
        break;
      case 1:
        now_s_ += static_cast<int64_t>(random_.Below(3));
        TRY(reconciler_->ExpireDue(UnixSeconds{now_s_}, *this, *this));
        break;
      default:
        TRY(ReadOne(unread[random_.Below(unread.size())]));
        TRY(MaybeCommit());
    }
  }
  TRY(reconciler_->ExpireDue(UnixSeconds{ToyRandom::kLastExpiry}, *this, *this));
  TRY(Commit());
  return Check();
}

Status Simulation::Check() {
  Arena arena;
  testing::CheckingSink sink;
  for (size_t n = 0; n < disk_.changes.size(); ++n) {
    ASSIGN_OR_RETURN(const Change change, DecodeChange(disk_.changes[n], {0, 0, n}, schemas_, &arena));
    TRY(sink.Emit(change));
  }
  const auto truth = RowsAfter(*schema_, story_, UnixSeconds{ToyRandom::kLastExpiry});
  if (sink.rows() != truth) {
    return Broken("the stream's fold is\n" + RowsText(sink.rows()) + "but the table is\n" + RowsText(truth));
  }
  for (const auto& [write, times] : sink.on_time()) {
    if (!counters_ && times > 1) return Broken(write + " was told more than once, and not as late:\n" + Lines(sink));
  }
  return CheckTimers();
}

Status Simulation::CheckTimers() {
  Arena arena;
  std::set<std::pair<int64_t, std::string>> expected;
  for (const auto& [key, value] : disk_.records) {
    ASSIGN_OR_RETURN(const RecordKey record, ReadRecordKey(key, &arena));
    if (record.kind == RecordKind::kHeader) continue;
    ASSIGN_OR_RETURN(const RowState row, DecodeRowState(value, kAnyColumn, &arena));
    const UnixSeconds due = NextExpiry(row);
    if (!due.never()) expected.insert({due.s, key});
  }
  if (expected != disk_.timers) return Broken("the committed timers are not those of the committed rows");
  return {};
}

}  // namespace braid::sim
