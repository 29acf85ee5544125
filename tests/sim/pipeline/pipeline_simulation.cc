#include "sim/pipeline/pipeline_simulation.h"

#include <algorithm>
#include <map>
#include <utility>

#include "codec/mutation.h"
#include "pipeline/run/node_table.h"
#include "reconcile/lww/write.h"
#include "reconcile/testing/checking_sink.h"
#include "reconcile/testing/toy_change.h"
#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_replay.h"
#include "reconcile/testing/toy_table.h"
#include "sim/oracle.h"
#include "sim/pipeline/mutation_writer.h"

namespace braid::sim {
namespace {

using testing::MemoryDurableState;
using testing::ToyRandom;

constexpr int64_t kSecond = 1'000'000;
constexpr uint64_t kNever = uint64_t{1} << 60;

Error Wrong(const std::string& what) {
  return InvalidArgument(what);
}

std::string PositionText(const Position& position) {
  return std::to_string(position.segment.value) + ":" +
         (position.offset == kSegmentEnd ? "end" : std::to_string(position.offset));
}

std::string RowsText(const std::map<std::string, std::string>& rows) {
  std::string text;
  for (const auto& [row, image] : rows) text += row + " " + image + "\n";
  return text;
}

std::string Lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// Shows readers what it has synced at once.
class EagerTimeline : public TimelineWriter {
 public:
  explicit EagerTimeline(std::unique_ptr<TimelineWriter> timeline) : timeline_(std::move(timeline)) {}
  uint64_t Append(const Change& change) override { return timeline_->Append(change); }
  uint64_t Append(const Gap& gap) override { return timeline_->Append(gap); }
  Status Sync(int64_t now_us) override {
    TRY(timeline_->Sync(now_us));
    return timeline_->Publish();
  }
  Status Publish() override { return timeline_->Publish(); }
  Status Rollback() override { return timeline_->Rollback(); }
  uint64_t end() const override { return timeline_->end(); }
  size_t pending_bytes() const override { return timeline_->pending_bytes(); }
  Status Retain(int64_t keep_since_us, uint64_t keep_bytes, uint64_t pinned) override {
    return timeline_->Retain(keep_since_us, keep_bytes, pinned);
  }
  Stats stats() const override { return timeline_->stats(); }

 private:
  std::unique_ptr<TimelineWriter> timeline_;
};

}  // namespace

// One table, known from the beginning.
class PipelineSimulation::Registry : public SchemaRegistry {
 public:
  explicit Registry(TableSchema schema) {
    schema.gc_grace_s = 1;
    schema.id = ComputeSchemaId(schema);
    table_ = std::make_shared<const TableSchema>(std::move(schema));
  }
  const TableSchema& table() const { return *table_; }

  Result<std::vector<Event>> Refresh() override { return std::vector<Event>(); }
  uint64_t version() const override { return 1; }
  const TableSchema* FindTable(const TableId& id) const override {
    return id == table_->table_id ? table_.get() : nullptr;
  }
  const TableSchema* Find(SchemaId id) const override { return id == table_->id ? table_.get() : nullptr; }
  std::vector<const TableSchema*> CapturedTables() const override { return {table_.get()}; }
  std::string WhyUnreadable(const TableId&) const override { return {}; }
  bool HistoryKnown(const TableId&) const override { return true; }
  Status MarkHistoryKnown(const TableId&) override { return {}; }

 private:
  TableSchemaPtr table_;
};

// What a crash ends.
struct PipelineSimulation::Process {
  std::vector<std::unique_ptr<MemoryDurableState>> states;
  std::vector<std::unique_ptr<TimelineWriter>> timelines;
  std::vector<std::unique_ptr<Shard>> shards;
  std::vector<std::unique_ptr<Channel>> channels;
  std::vector<std::deque<Message>> taken;  // from the channels, for the shards
  std::vector<std::unique_ptr<NodeCapture>> captures;
};

// What capture gives, on its way to the shards.
class PipelineSimulation::Feed : public CaptureSink {
 public:
  explicit Feed(PipelineSimulation* sim) : sim_(*sim) {}

  Status OnTransaction(const Transaction& transaction) override {
    if (sim_.random_.Below(20) == 0) return Error{ErrorCode::kTransient, "the channel is full"};
    Message message;
    message.position = transaction.position;
    AppendTransaction(&message.bytes, transaction);
    Push(ShardOf(transaction.mutations.front().token, sim_.shards_), message);
    return {};
  }
  Status OnTruncation(const Truncation&) override { return Wrong("nothing was truncated"); }
  Status OnGap(const Gap& gap) override { return Wrong("a gap: " + gap.detail); }
  Status OnProgress(const CaptureProgress& progress) override {
    Message message;
    message.kind = Message::Kind::kProgress;
    message.position = progress.position;
    message.time = progress.watermark;
    for (uint32_t shard = 0; shard < sim_.shards_; ++shard) Push(shard, message);
    return {};
  }

 private:
  void Push(uint32_t shard, Message message) {
    message.taken_in_us = sim_.now_us_;
    CHECK(sim_.process_->channels[shard]->Push(std::move(message)));
  }

  PipelineSimulation& sim_;
};

PipelineSimulation::PipelineSimulation(uint64_t seed, Broken broken) : random_(seed), broken_(broken) {
  counters_ = random_.Below(5) == 0;
  patient_ = !counters_ && random_.Below(6) == 0;
  shards_ = static_cast<uint32_t>(1 + random_.Below(2));
  registry_ =
      std::make_unique<Registry>(*testing::ParseTable(counters_ ? ToyRandom::kCounterTable : ToyRandom::kTable));
  tail_ = random_.Below(2) == 0 ? NodeCapture::Tail::kLive : NodeCapture::Tail::kSynced;
  // Longer than all that a run writes: until its end, which is long after, nothing may be forgotten.
  shard_options_.purge_slack_us = 200 * kSecond;
  shard_options_.commit_bytes = random_.Below(2) == 0 ? 500 : 1 << 20;
  for (uint16_t node = 0; node < kNodes; ++node) shard_options_.nodes.push_back(NodeIndex{node});
  Hold::Options& hold = shard_options_.hold;
  static constexpr int64_t kWindows[] = {0, 0, kSecond / 5, 2 * kSecond};
  hold.window_us = patient_ ? 1000 * kSecond : kWindows[random_.Below(4)];
  hold.quorum = random_.Below(3) == 0;
  hold.confirm_timeout_us = kSecond;
  if (!patient_ && random_.Below(4) == 0) hold.limit_bytes = 2000;

  for (uint16_t node = 0; node < kNodes; ++node) {
    nodes_.push_back(std::make_unique<NodeModel>(&cluster_, "n" + std::to_string(node), random_.Below(3) == 0));
  }
  states_.resize(shards_);
  before_.resize(shards_);
  tails_.resize(shards_);
  WriteStory();
}

PipelineSimulation::~PipelineSimulation() = default;

void PipelineSimulation::WriteStory() {
  testing::ToyReader reader;
  for (uint64_t n = 5 + random_.Below(50); n > 0; --n) {
    const std::string line = counters_ ? random_.CounterLine() : random_.Line();
    // A replay's clock is another: what runs out would be told at other places. What was dropped is not decoded.
    if (patient_ && line.find_first_of('~') != std::string::npos) continue;
    if (patient_ && line.find("gone") != std::string::npos) continue;
    story_.push_back(reader.Read(registry_->table(), line, &story_arena_));
  }
  unlogged_.resize(kNodes);
  for (const Mutation& mutation : story_) {
    // At least one node hears of it, some more than once (hints, repairs), some of it in pieces.
    const uint64_t sure = random_.Below(kNodes);
    for (uint64_t node = 0; node < kNodes; ++node) {
      if (node != sure && random_.Below(3) == 0) continue;
      for (uint64_t copies = 1 + random_.Below(8) / 6; copies > 0; --copies) {
        std::vector<Mutation> parts = {mutation};
        if (random_.Below(4) == 0) {
          parts.clear();
          CutIntoWrites(mutation, &story_arena_, &parts);
        }
        for (const Mutation& part : parts) unlogged_[node].push_back(CassandraBytes(part));
      }
    }
  }
  // Most stay near their place, some come much later.
  for (std::deque<std::string>& log : unlogged_) {
    for (size_t i = 0; i < log.size(); ++i) {
      const size_t reach = random_.Below(10) == 0 ? log.size() - i : std::min<size_t>(4, log.size() - i);
      std::swap(log[i], log[i + random_.Below(reach)]);
    }
  }
}

Status PipelineSimulation::Run() {
  TRY(Start());
  while (std::ranges::any_of(unlogged_, [](const auto& log) { return !log.empty(); })) TRY(Act());
  for (uint64_t more = random_.Below(100); more > 0; --more) TRY(Act());
  TRY(Finish());
  return Check();
}

Status PipelineSimulation::Act() {
  now_us_ += static_cast<int64_t>(random_.Below(random_.Below(20) == 0 ? 500'000 : 5'000));
  cluster_.SetTime(now_us_);
  disk_.SetTime(now_us_);
  if (faults_ && random_.Below(40) == 0) {
    PutFault();
    return {};
  }
  if (random_.Below(3) == 0) return ActOnNode(static_cast<uint16_t>(random_.Below(kNodes)));
  return ActOnProcess();
}

Status PipelineSimulation::ActOnNode(uint16_t index) {
  NodeModel& node = *nodes_[index];
  const std::string& name = node.files().name;
  std::deque<std::string>& log = unlogged_[index];
  switch (random_.Below(16)) {
    case 0:
      Trace(name + " begins a segment");
      node.Roll();
      break;
    case 1:
      Trace(name + " flushes");
      node.Flush();
      break;
    case 2:
      if (random_.Below(3) != 0) break;
      ++counts_.restarts;
      Trace(name + " is killed and starts");
      // The others have them still, and hint them.
      for (std::string& payload : node.Restart()) log.push_front(std::move(payload));
      break;
    case 3:
      node.WriteIndex(random_.Below(2) == 0);
      break;
    case 4:
    case 5:
    case 6:
      node.Sync(/*tell=*/random_.Below(3) != 0);
      break;
    default:
      for (uint64_t n = random_.Below(4); n > 0 && !log.empty(); --n) {
        node.Log(log.front(), random_.Below(6) == 0);
        log.pop_front();
      }
  }
  return {};
}

Status PipelineSimulation::ActOnProcess() {
  const auto shard = static_cast<uint32_t>(random_.Below(shards_));
  const auto node = static_cast<uint16_t>(random_.Below(kNodes));
  switch (random_.Below(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return Survive(Capture(node, random_.Below(4) == 0 ? 100 : 10'000));
    case 4:
    case 5:
    case 6:
      return Survive(TakeSome(shard, 1 + random_.Below(8)));
    case 7: {
      const Result<bool> more = process_->shards[shard]->Tick(now_us_);
      return more.has_value() ? Status() : Survive(more.error());
    }
    case 8:
      return Survive(Release(node));
    case 9: {
      const Status read = Read(shard, random_.Below(5) == 0);
      // The little file that says what is committed is written in place: a disk that is full may leave half of it,
      // until the commit is tried again.
      const bool half = faults_ && !read.has_value() &&
                        read.error().message.find("/committed: ") != std::string::npos &&
                        read.error().code == ErrorCode::kCorrupt;
      return half ? Status() : Survive(read);
    }
    default:
      return Survive(Commit(shard));
  }
}

void PipelineSimulation::PutFault() {
  switch (random_.Below(8)) {
    case 0:
    case 1:
      disk_.CutPowerAt(1 + random_.Below(30), random_.Below(1000));
      armed_ = power_ = true;
      break;
    case 2:
      disk_.FailAt(1 + random_.Below(30), ErrorCode::kIoError, random_.Below(1000));
      armed_ = true;
      break;
    case 3:
      disk_.FailAt(1 + random_.Below(10), ErrorCode::kNoSpace, random_.Below(1000));
      break;
    case 4:
      process_->states[random_.Below(shards_)]->FailNextCommit(ErrorCode::kIoError, random_.Below(2) == 0);
      armed_ = true;
      break;
    case 5:
      process_->states[random_.Below(shards_)]->FailNextCommit(ErrorCode::kNoSpace, false);
      break;
    default:
      armed_ = true;
      CHECK(Survive(Error{ErrorCode::kIoError, "killed"}).has_value());
  }
}

Status PipelineSimulation::Survive(const Status& status) {
  if (status.has_value()) return {};
  Trace("failed: " + status.error().message);
  switch (status.error().code) {
    case ErrorCode::kTransient:
      return {};
    case ErrorCode::kNoSpace:
      ++counts_.full;
      return {};
    case ErrorCode::kIoError:
      if (armed_) return Crash();
      return status;
    default:
      return status;
  }
}

Status PipelineSimulation::Crash() {
  // What readers in other processes saw just before, they must see afterwards too.
  for (uint32_t shard = 0; shard < shards_ && random_.Below(2) == 0; ++shard) {
    const Status read = Read(shard, false);
    if (!read.has_value() && read.error().code == ErrorCode::kInvalidArgument) return read;
  }
  for (int tries = 0;; ++tries) {
    ++counts_.crashes;
    Trace("a crash");
    process_.reset();
    if (broken_ == Broken::kMarkBeforeState) {
      for (uint32_t shard = 0; shard < shards_; ++shard) states_[shard].records = before_[shard].records;
    }
    // A process that is killed leaves its files as they are; without power some of what was not synced is lost.
    if (power_ || random_.Below(2) == 0) {
      disk_.Crash(random_.Below(1'000'000));
      for (Tail& tail : tails_) tail.reader.reset();
    }
    disk_.FailAt(kNever, ErrorCode::kIoError);
    armed_ = power_ = false;
    if (faults_ && tries < 3 && random_.Below(8) == 0) {
      disk_.CutPowerAt(1 + random_.Below(20), random_.Below(1000));
      armed_ = power_ = true;
    }
    const Status started = Start();
    if (started.has_value()) return {};
    if (!armed_ || started.error().code != ErrorCode::kIoError) return started;
  }
}

Status PipelineSimulation::Start() {
  process_ = std::make_unique<Process>();
  for (uint32_t shard = 0; shard < shards_; ++shard) TRY(StartShard(shard));
  for (uint16_t node = 0; node < kNodes; ++node) TRY(StartCapture(node));
  return {};
}

Status PipelineSimulation::StartShard(uint32_t shard) {
  ASSIGN_OR_RETURN(auto state, MemoryDurableState::Open(&states_[shard], shard));
  ASSIGN_OR_RETURN(const std::string bytes, state->ReadMark());
  ASSIGN_OR_RETURN(ShardMark mark, DecodeMark(bytes));
  const TimelineWriter::Options options{.directory = "/timeline/" + std::to_string(shard),
                                        .partition = shard,
                                        .segment_bytes = 2000,
                                        .index_every_bytes = 300};
  ASSIGN_OR_RETURN(auto timeline, TimelineWriter::Open(&disk_, options, mark.timeline_end));
  if (broken_ == Broken::kPublishBeforeState) timeline = std::make_unique<EagerTimeline>(std::move(timeline));
  process_->shards.push_back(std::make_unique<Shard>(
      shard_options_, Shard::Rooms{state.get(), timeline.get(), registry_.get()}, std::move(mark)));
  process_->states.push_back(std::move(state));
  process_->timelines.push_back(std::move(timeline));
  process_->channels.push_back(std::make_unique<Channel>(1 << 20));
  process_->taken.emplace_back();
  return {};
}

Status PipelineSimulation::StartCapture(uint16_t node) {
  NodeCapture::Options options;
  options.files = nodes_[node]->files();
  options.node = NodeIndex{node};
  options.tail = tail_;
  options.cdc_space_bytes = 1 << 30;
  options.sync_slack_us = 2 * kSecond;
  options.resume = Committed(node);
  Trace(options.files.name + " is read from " + (options.resume ? PositionText(*options.resume) : "the beginning"));
  ASSIGN_OR_RETURN(auto capture, NodeCapture::Open(&cluster_, registry_.get(), options));
  process_->captures.push_back(std::move(capture));
  return {};
}

Status PipelineSimulation::Capture(uint16_t node, uint64_t max_bytes) {
  Feed feed(this);
  const Result<bool> more = process_->captures[node]->Step(now_us_, max_bytes, &feed);
  Trace(nodes_[node]->files().name + " was read up to " + PositionText(process_->captures[node]->stats().position) +
        ", watermark " + std::to_string(process_->captures[node]->stats().watermark.us));
  return more.has_value() ? Status() : Status(more.error());
}

Status PipelineSimulation::TakeSome(uint32_t shard, size_t most) {
  std::deque<Message>& taken = process_->taken[shard];
  std::vector<Message> messages;
  CHECK(process_->channels[shard]->TakeAll(&messages, 0));
  std::ranges::move(messages, std::back_inserter(taken));
  for (; most > 0 && !taken.empty(); --most) {
    TRY(process_->shards[shard]->Take(taken.front(), now_us_));
    taken.pop_front();
  }
  return {};
}

Status PipelineSimulation::Commit(uint32_t shard) {
  if (broken_ == Broken::kMarkBeforeState) before_[shard] = states_[shard];
  ++counts_.commits;
  const Status committed = process_->shards[shard]->Commit(now_us_);
  Trace("shard " + std::to_string(shard) + (committed.has_value() ? " committed" : " could not commit"));
  return committed;
}

std::optional<Position> PipelineSimulation::Committed(uint16_t node) const {
  std::optional<Position> least;
  for (const auto& shard : process_->shards) {
    const auto& nodes = shard->committed().nodes;
    const auto found = std::ranges::find(nodes, NodeIndex{node}, &ShardMark::Node::node);
    if (found == nodes.end() || found->position.none()) return std::nullopt;
    if (!least || found->position < *least) least = found->position;
  }
  return least;
}

Status PipelineSimulation::Release(uint16_t node) {
  if (broken_ == Broken::kReleaseUnread) {
    const Position position = process_->captures[node]->stats().position;
    return position.none() ? Status() : process_->captures[node]->Release(position);
  }
  const std::optional<Position> committed = Committed(node);
  if (!committed) return {};
  Trace(nodes_[node]->files().name + " is let go up to " + PositionText(*committed));
  return process_->captures[node]->Release(*committed);
}

Status PipelineSimulation::Read(uint32_t shard, bool anew) {
  Tail& tail = tails_[shard];
  size_t next = tail.seen.size();
  if (anew || tail.reader == nullptr) {
    TimelineReader::Options options;
    options.directory = "/timeline/" + std::to_string(shard);
    ASSIGN_OR_RETURN(tail.reader, TimelineReader::Open(&disk_, options));
    if (anew) next = 0;
    const Status found = tail.reader->Seek(next + 1);
    if (!found.has_value()) {
      tail.reader.reset();
      return found;
    }
  }
  for (;; ++next) {
    const Result<const TimelineRecord*> record = tail.reader->Next();
    if (!record.has_value()) {
      tail.reader.reset();
      return record.error();
    }
    if (*record == nullptr) break;
    const Sequence& sequence = (*record)->sequence;
    if ((*record)->change == nullptr) return Wrong("a gap in the timeline");
    const std::string line = testing::ChangeText(*(*record)->change) + ((*record)->change->confirmed ? "" : " ?");
    if (sequence.n != next + 1 || sequence.partition != shard) return Wrong("a sequence is missing before " + line);
    if (next == tail.seen.size()) {
      tail.seen.push_back(line);
      ++counts_.records;
    } else if (tail.seen[next] != line) {
      return Wrong("readers were shown " + tail.seen[next] + " and then, under the same number, " + line);
    }
  }
  if (next < tail.seen.size()) return Wrong("readers were shown what is there no more: " + tail.seen[next]);
  return {};
}

bool PipelineSimulation::AtRest() const {
  for (uint32_t shard = 0; shard < shards_; ++shard) {
    const ShardStats stats = process_->shards[shard]->stats();
    if (stats.watermark_us <= ToyRandom::kLastExpiry * kSecond + kSecond || stats.held > 0) return false;
  }
  return true;
}

Status PipelineSimulation::Finish() {
  faults_ = false;
  disk_.FailAt(kNever, ErrorCode::kIoError);
  if (armed_) TRY(Crash());
  armed_ = power_ = false;
  for (int round = 0; round < 300; ++round) {
    now_us_ += patient_ ? 10 * kSecond : kSecond;
    cluster_.SetTime(now_us_);
    disk_.SetTime(now_us_);
    for (uint16_t node = 0; node < kNodes; ++node) {
      for (; !unlogged_[node].empty(); unlogged_[node].pop_front()) nodes_[node]->Log(unlogged_[node].front(), false);
      nodes_[node]->Sync(true);
      nodes_[node]->WriteIndex(false);
      TRY(Survive(Capture(node, 1 << 20)));
    }
    for (uint32_t shard = 0; shard < shards_; ++shard) {
      TRY(TakeSome(shard, 1 << 20));
      ASSIGN_OR_RETURN(const bool more, process_->shards[shard]->Tick(now_us_));
      static_cast<void>(more);
      TRY(Survive(Commit(shard)));
      TRY(Read(shard, false));
    }
    for (uint16_t node = 0; node < kNodes; ++node) TRY(Release(node));
    if (round > 20 && AtRest() && process_->shards[0]->due_us() == std::nullopt) break;
    if (round == 299) return Wrong("it does not come to rest");
  }
  // What may be forgotten is forgotten, and what a restart reads again says nothing.
  now_us_ += 1000 * kSecond;
  for (int round = 0; round < 10; ++round) {
    now_us_ += 10 * kSecond;
    for (uint16_t node = 0; node < kNodes; ++node) TRY(Survive(Capture(node, 1 << 20)));
    for (uint32_t shard = 0; shard < shards_; ++shard) {
      TRY(TakeSome(shard, 1 << 20));
      ASSIGN_OR_RETURN(const bool more, process_->shards[shard]->Tick(now_us_));
      static_cast<void>(more);
      if (random_.Below(2) == 0) TRY(Commit(shard));
    }
    if (random_.Below(3) == 0) TRY(Crash());
  }
  for (uint32_t shard = 0; shard < shards_; ++shard) {
    TRY(TakeSome(shard, 1 << 20));
    TRY(Commit(shard));
    TRY(Read(shard, true));
  }
  return {};
}

Status PipelineSimulation::Check() {
  Arena arena;
  testing::CheckingSink sink;
  std::vector<std::string> told;
  for (uint32_t shard = 0; shard < shards_; ++shard) {
    TimelineReader::Options options;
    options.directory = "/timeline/" + std::to_string(shard);
    ASSIGN_OR_RETURN(auto reader, TimelineReader::Open(&disk_, options));
    for (;;) {
      ASSIGN_OR_RETURN(const TimelineRecord* record, reader->Next());
      if (record == nullptr) break;
      TRY(sink.Emit(*record->change));
    }
  }
  const auto truth = RowsAfter(registry_->table(), story_, UnixSeconds{ToyRandom::kLastExpiry});
  if (sink.rows() != truth) {
    return Wrong("the stream's fold is\n" + RowsText(sink.rows()) + "but the table is\n" + RowsText(truth) + "after\n" +
                 Lines(sink.lines()));
  }
  for (const auto& [write, times] : sink.on_time()) {
    if (!counters_ && times > 1)
      return Wrong(write + " was told more than once, and not as late:\n" + Lines(sink.lines()));
  }
  return patient_ ? CheckAgainstReplay(sink.lines()) : Status();
}

// Where each write waited for all others, the stream of each partition is what a replay of all logs says.
Status PipelineSimulation::CheckAgainstReplay(const std::vector<std::string>& lines) {
  ++counts_.patient;
  ASSIGN_OR_RETURN(const std::vector<Mutation> writes, testing::WritesInOrder(story_, &story_arena_));
  MemoryState state;
  testing::CheckingSink replay;
  Reconciler reconciler({}, &state);
  for (const Mutation& write : writes) {
    TRY(reconciler.ApplyWrite(write, UnixSeconds{ToyRandom::kFirstSecond}, replay));
  }
  const auto by_partition = [](const std::vector<std::string>& all) {
    std::map<char, std::vector<std::string>> partitions;
    for (const std::string& line : all) partitions[line[2]].push_back(line);
    return partitions;
  };
  if (by_partition(lines) != by_partition(replay.lines())) {
    return Wrong("all waited for all, but the stream is\n" + Lines(lines) + "and a replay's\n" + Lines(replay.lines()));
  }
  return {};
}

}  // namespace braid::sim
