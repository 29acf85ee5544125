#include "pipeline/run/pipeline.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "capture/history.h"
#include "cassandra/schema/schema.h"
#include "codec/mutation.h"
#include "pipeline/run/hosts.h"

namespace braid {
namespace {

constexpr int64_t kSecond = 1'000'000;
// Shares of the configured memory, all shards together: half for state, an eighth for what is on its way to the
// shards, an eighth for what waits there, some to know
// copies by, some for what the next commit will write.
constexpr uint64_t kStateShare = 2;
constexpr uint64_t kChannelShare = 8;
constexpr uint64_t kHoldShare = 8;
constexpr uint64_t kCopiesShare = 16;
constexpr uint64_t kCommitShare = 32;
constexpr uint64_t kMostCommitBytes = uint64_t{4} << 20;
// A look costs some 10 µs a node.
constexpr int64_t kSchemaEveryUs = 100'000;
constexpr int64_t kSchemaEveryWhileWaitingUs = 20'000;
constexpr int64_t kReleaseEveryUs = 1 * kSecond;
constexpr int64_t kBackfillsEveryUs = 100'000;
// What one step of a node may read.
constexpr uint64_t kStepBytes = uint64_t{1} << 20;
// How long to sleep where nothing is new. What is written through mmap wakes nobody, so `tail: live` looks often.
constexpr int kLivePollMs = 1;
constexpr int kSyncedPollMs = 20;

std::array<char, 16> RandomBytes() {
  std::array<char, 16> bytes;
  CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return bytes;
}

std::string HostIdText(const std::array<uint8_t, 16>& bytes) {
  TableId id;
  id.bytes = bytes;
  return id.ToString();
}

}  // namespace

Pipeline::Pipeline(const Config& config, Log log)
    : config_(config),
      log_(std::move(log)),
      files_(PosixFileSystem()),
      channels_(std::make_unique<Channels>(&shards_)),
      started_us_(WallClockUs()),
      alarms_(log_) {}

Pipeline::~Pipeline() {
  failed_ = true;
  backfiller_.Stop();
  for (auto& shard : shards_) shard->channel.Close();
  for (auto& shard : shards_) {
    if (shard->thread.joinable()) shard->thread.join();
  }
}

Result<std::unique_ptr<Pipeline>> Pipeline::Open(const Config& config, Log log) {
  std::unique_ptr<Pipeline> pipeline(new Pipeline(config, std::move(log)));
  FileSystem* files = pipeline->files_;
  TRY(files->MakeDirectory(config.state));
  auto lock = files->Lock(LockPath(config.state));
  if (!lock.has_value()) {
    if (lock.error().code != ErrorCode::kTransient) return lock.error();
    return Error{ErrorCode::kTransient,
                 fmt::format("{}: another braid runs on this state directory; stop it first, or give this pipeline a "
                             "state directory of its own",
                             config.state)};
  }
  pipeline->lock_ = *std::move(lock);
  TRY(pipeline->OpenNodes());
  TRY(pipeline->CheckStreams());
  TRY(pipeline->OpenShards());
  TRY(pipeline->OpenCaptures());
  ASSIGN_OR_RETURN(pipeline->backfills_, ReadBackfills(files, config.state));
  return pipeline;
}

Status Pipeline::OpenNodes() {
  bool fresh = false;
  auto identity = ReadIdentity(files_, config_.state);
  if (identity.has_value()) {
    identity_ = *std::move(identity);
    if (identity_.shards != config_.shards) {
      return InvalidArgument(fmt::format(
          "{}: shards is {}, but this pipeline was made with {}, which cannot change; put {} back, or begin anew with "
          "another state directory",
          config_.path, config_.shards, identity_.shards, identity_.shards));
    }
  } else if (identity.error().code == ErrorCode::kNotFound) {
    fresh = true;
    identity_.shards = config_.shards;
    identity_.epoch = static_cast<uint64_t>(started_us_);
  } else {
    return identity.error();
  }

  const PipelineIdentity known = identity_;
  SchemaRegistry::Options schemas{.path = SchemaLogPath(config_.state),
                                  .data_directories = {},
                                  .log = [this](bool alarm, const std::string& message) { Tell(alarm, message); }};
  for (const NodeFiles& node : config_.nodes) {
    schemas.data_directories.insert(schemas.data_directories.end(), node.data.begin(), node.data.end());
  }
  ASSIGN_OR_RETURN(schemas_, SchemaRegistry::Open(files_, schemas));
  // What was found just now is not news: all tables are told to the shards when they start.
  TRY(schemas_->Refresh());
  for (const NodeFiles& node : config_.nodes) {
    auto host = std::make_unique<NodeHost>();
    host->files = node;
    ASSIGN_OR_RETURN(const auto host_id, ReadHostId(node.data));
    if (host_id.has_value()) host->host_id = HostIdText(*host_id);
    host->index = identity_.Register(node.name, host->host_id);
    if (identity_.nodes[host->index.value].retired) {
      Tell(true, fmt::format("node {} was retired and is not followed; take it out of {}", node.name, config_.path));
      continue;
    }
    for (const auto& other : nodes_) {
      if (other->index != host->index) continue;
      return InvalidArgument(fmt::format("{}: the nodes {} and {} are one: their host id is {}; list it once",
                                         config_.path, other->files.name, node.name, host->host_id));
    }
    nodes_.push_back(std::move(host));
  }
  for (uint16_t i = 0; i < identity_.node_count(); ++i) {
    const bool followed = std::ranges::any_of(nodes_, [&](const auto& node) { return node->index.value == i; });
    if (followed || identity_.nodes[i].retired) continue;
    alarms_.Set(
        fmt::format("node {}", i),
        fmt::format("node {} (host id {}) is known but not configured: old deletions are kept until it is back, or "
                    "let go with braid retire",
                    identity_.nodes[i].name, identity_.nodes[i].host_id));
  }
  if (fresh) TRY(FindHistory());
  // A start need not find room on a full disk to say what is there already.
  if (!fresh && known == identity_) return {};
  return WriteIdentity(files_, config_.state, identity_);
}

// A pipeline's first start: a table of which every node still has every log has a known history from now on.
Status Pipeline::FindHistory() {
  for (const TableSchema* table : schemas_->CapturedTables()) {
    bool whole = true;
    for (const auto& node : nodes_) {
      ASSIGN_OR_RETURN(const bool logged, WholeHistoryIsLogged(files_, node->files, *table));
      whole = whole && logged;
    }
    if (whole) {
      TRY(schemas_->MarkHistoryKnown(table->table_id));
    } else {
      Tell(false, fmt::format("{} has a past that the logs do not hold: its rows are incomplete until they are "
                              "backfilled",
                              table->FullName()));
    }
  }
  return {};
}

Status Pipeline::CheckStreams() {
  for (const StreamSpec& stream : config_.streams) {
    bool any = false;
    for (const TableSchema* table : schemas_->CapturedTables()) {
      const auto fits = [&](const std::string& pattern) { return FitsPattern(pattern, table->FullName()); };
      if (!std::ranges::any_of(stream.tables, fits)) continue;
      any = true;
      TRY(StreamShape::Make(stream, *table));
    }
    if (!any) {
      Tell(false, fmt::format("stream {}: no captured table fits {} yet", stream.name, fmt::join(stream.tables, ", ")));
    }
  }
  return {};
}

uint64_t Pipeline::CommitBytes() const {
  return std::min(kMostCommitBytes, config_.memory_bytes / kCommitShare / identity_.shards);
}

// Retention lets go of whole segments, so that a small disk needs small ones.
uint64_t Pipeline::TimelineSegmentBytes() const {
  return std::clamp(config_.disk_bytes / identity_.shards / 64, uint64_t{256} << 10, uint64_t{64} << 20);
}

Status Pipeline::OpenShards() {
  Shard::Options options{.purge_slack_us = config_.purge_slack_us,
                         .commit_bytes = CommitBytes(),
                         .nodes = {},
                         .hold = {.window_us = config_.reorder_window_us,
                                  .quorum = config_.publish_quorum,
                                  .confirm_timeout_us = config_.confirm_timeout_us,
                                  .limit_bytes = config_.memory_bytes / kHoldShare / identity_.shards},
                         .copy_filter_bytes = config_.memory_bytes / kCopiesShare / identity_.shards,
                         .copy_filter_seed = RandomBytes()};
  for (const auto& node : nodes_) options.nodes.push_back(node->index);
  for (uint32_t number = 0; number < identity_.shards; ++number) {
    auto host = std::make_unique<ShardHost>(number, config_.memory_bytes / kChannelShare / identity_.shards);
    const std::string path = ShardStatePath(config_.state, number);
    TRY(files_->MakeDirectory(path));
    ASSIGN_OR_RETURN(
        host->state,
        RocksState::Open(
            {.path = path, .shard = number, .memory_bytes = config_.memory_bytes / kStateShare / identity_.shards}));
    ASSIGN_OR_RETURN(const std::string mark_bytes, host->state->ReadMark());
    auto mark = DecodeMark(mark_bytes);
    if (!mark.has_value()) return mark.error().At(path);
    const std::string timeline = TimelinePath(config_.state, number);
    ASSIGN_OR_RETURN(host->timeline, TimelineWriter::Open(files_,
                                                          {.directory = timeline,
                                                           .partition = number,
                                                           .epoch = identity_.epoch,
                                                           .segment_bytes = TimelineSegmentBytes()},
                                                          mark->timeline_end));
    host->shard = std::make_unique<Shard>(
        options, Shard::Rooms{host->state.get(), host->timeline.get(), schemas_.get()}, *std::move(mark));
    host->committed = host->shard->committed().nodes;
    host->gaps = host->shard->committed().gaps;
    host->snapshots = host->shard->committed().snapshots;
    shards_.push_back(std::move(host));
  }
  return {};
}

Status Pipeline::OpenCaptures() {
  ASSIGN_OR_RETURN(watcher_, Watcher::Make());
  for (const auto& node : nodes_) {
    NodeCapture::Options options = CaptureOptionsOf(config_, node->files, node->index);
    options.let_go_path = LetGoPath(config_.state, node->index);
    options.resume = CommittedEverywhere(node->index);
    options.log = [this](bool alarm, const std::string& message) { Tell(alarm, message); };
    ASSIGN_OR_RETURN(node->capture, NodeCapture::Open(files_, schemas_.get(), options));
    node->stats = node->capture->stats();
    node->feeder =
        std::make_unique<Feeder>(Feeder::Options{.files = node->files,
                                                 .exclude = config_.exclude,
                                                 .tell = [this](const std::string& alarm) { Tell(true, alarm); }},
                                 schemas_.get(), channels_.get());
    if (options.resume.has_value()) TRY(node->feeder->TellMissedTruncations(files_, *options.resume));
    // Not there for now: NodeCapture looks again by itself, and polling goes on without the watch.
    (void)watcher_->Add(node->files.cdc_raw).has_value();
  }
  return {};
}

std::optional<Position> Pipeline::CommittedEverywhere(NodeIndex node) const {
  std::optional<Position> least;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    const auto at = std::ranges::find(shard->committed, node, &ShardMark::Node::node);
    if (at == shard->committed.end() || at->position.none()) return std::nullopt;
    least = least.has_value() ? std::min(*least, at->position) : at->position;
  }
  return least;
}

Status Pipeline::Run(std::function<bool()> stop) {
  stop_ = std::move(stop);
  // Tables may have been altered while nobody looked.
  for (const TableSchema* table : schemas_->CapturedTables()) TellSchema(table->table_id);
  for (const auto& shard : shards_) shard->thread = std::thread([this, host = shard.get()] { RunShard(host); });
  Status status;
  while (!stop_() && !failed_ && status.has_value()) status = RunCapture();
  if (!status.has_value()) Fail(status.error());
  backfiller_.Stop();
  for (const auto& shard : shards_) shard->channel.Close();
  for (const auto& shard : shards_) shard->thread.join();
  const std::lock_guard lock(mutex_);
  TRY(failure_);
  return ReleaseSegments();
}

// One round over all nodes.
Status Pipeline::RunCapture() {
  TRY(FollowSchema());
  bool more = false;
  TRY(StepNodes(&more));
  const int64_t now_us = WallClockUs();
  if (now_us - released_us_ >= kReleaseEveryUs) {
    released_us_ = now_us;
    TRY(ReleaseSegments());
    TRY(TakeRequests());
  }
  if (now_us - backfills_looked_us_ >= kBackfillsEveryUs) {
    backfills_looked_us_ = now_us;
    TRY(StepBackfills());
  }
  if (!more) watcher_->Wait(config_.tail == NodeCapture::Tail::kLive ? kLivePollMs : kSyncedPollMs);
  return {};
}

void Pipeline::TellSchema(const TableId& table) {
  Message message;
  message.kind = Message::Kind::kSchema;
  message.table = table;
  for (const auto& shard : shards_) shard->channel.Push(message);
}

Status Pipeline::FollowSchema() {
  const int64_t now_us = WallClockUs();
  bool waiting = false;
  for (const auto& node : nodes_) waiting = waiting || (node->capture != nullptr && node->stats.waiting_for_schema);
  if (now_us - schema_checked_us_ < (waiting ? kSchemaEveryWhileWaitingUs : kSchemaEveryUs)) return {};
  schema_checked_us_ = now_us;
  ASSIGN_OR_RETURN(const std::vector<SchemaRegistry::Event> events, schemas_->Refresh());
  for (const SchemaRegistry::Event& event : events) TellSchema(event.table().table_id);
  return {};
}

Status Pipeline::StepNodes(bool* more) {
  const uint64_t room = channels_->room_bytes();
  for (const auto& node : nodes_) {
    if (node->capture == nullptr) continue;
    const int64_t now_us = WallClockUs();
    // With no room the node is still guarded; that is all.
    ASSIGN_OR_RETURN(const bool node_more, node->capture->Step(now_us, std::min(room, kStepBytes), node->feeder.get()));
    *more = *more || (node_more && room > 0);
    const std::lock_guard lock(node->mutex);
    node->stats = node->capture->stats();
    if (node_more || node->stats.unread_bytes > 0 || node->stats.waiting_for_schema || !node->stats.reachable) continue;
    node->idle_us = now_us;
    node->idle_at = node->stats.position;
  }
  return {};
}

Status Pipeline::ReleaseSegments() {
  for (const auto& node : nodes_) {
    if (node->capture == nullptr) continue;
    if (const auto position = CommittedEverywhere(node->index)) TRY(node->capture->Release(*position));
  }
  return {};
}

void Pipeline::Tell(bool alarm, const std::string& message) const {
  if (log_) log_(alarm, message);
}

void Pipeline::Fail(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (failure_.has_value()) failure_ = error;
  failed_ = true;
}

}  // namespace braid
