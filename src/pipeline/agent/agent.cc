#include "pipeline/agent/agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/version.h"
#include "cassandra/schema/schema.h"
#include "pipeline/agent/agent_node.h"
#include "pipeline/agent/position_file.h"
#include "pipeline/feed/wall_clock.h"
#include "pipeline/kafka/clients.h"

namespace braid {
namespace {

constexpr int64_t kSecond = 1'000'000;
// In records a node is its host id; an index in their bytes would only say in which order an agent has its nodes.
constexpr NodeIndex kNode{0};
// Of records that are not acknowledged yet. With what waits beyond it, and the batches that are on the wire, the
// clients' queues stay within 16 MiB.
constexpr uint64_t kQueueBytes = uint64_t{12} << 20;
constexpr int kLingerMs = 10;
// What one step of a node may read.
constexpr uint64_t kStepBytes = uint64_t{1} << 20;
constexpr int64_t kSchemaEveryUs = 100'000;
constexpr int64_t kSchemaEveryWhileWaitingUs = 20'000;
constexpr int64_t kStoreEveryUs = 1 * kSecond;
// Every partition is told, each time.
constexpr int64_t kProgressEveryUs = 200'000;
constexpr int64_t kWatermarkEveryUs = 1 * kSecond;
// How long to sleep where nothing is new. What is written through mmap wakes nobody, so `tail: live` looks often.
constexpr int kLivePollMs = 1;
constexpr int kSyncedPollMs = 20;
constexpr int kFullPollMs = 10;
constexpr int kGuardPollMs = 100;
constexpr int64_t kMindEveryUs = 20'000;
// What does not work at once is no alarm yet: brokers that are asked for a topic that was just made do not know it.
constexpr int64_t kConnectUs = 3 * kSecond;
// Brokers that say nothing for so long are an alarm.
constexpr int64_t kSilentUs = 10 * kSecond;
constexpr int64_t kFirstBackoffUs = 1 * kSecond;
constexpr int64_t kMostBackoffUs = 30 * kSecond;
// How long the end waits for acknowledgements.
constexpr int64_t kFinishUs = 10 * kSecond;

constexpr const char* kKafkaAlarm = "Kafka";
constexpr const char* kProducerAlarm = "the producer";
constexpr const char* kPositionsAlarm = "positions";
constexpr const char* kSchemasAlarm = "definitions";

std::string Listed(const std::vector<NodeFiles>& nodes) {
  std::string names;
  for (const NodeFiles& node : nodes) names += (names.empty() ? "" : ", ") + node.name;
  return names;
}

}  // namespace

Agent::Agent(const Config& config, Log log)
    : config_(config), log_(std::move(log)), files_(PosixFileSystem()), started_us_(WallClockUs()), alarms_(log_) {}

Agent::~Agent() = default;

Result<std::vector<std::string>> Agent::Choose(const Config& config, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (std::ranges::find(config.nodes, name, &NodeFiles::name) != config.nodes.end()) continue;
    return InvalidArgument(
        fmt::format("{}: there is no node {}; there are {}", config.path, name, Listed(config.nodes)));
  }
  if (!names.empty()) return names;
  std::vector<std::string> here;
  for (const NodeFiles& node : config.nodes) {
    if (PosixFileSystem()->Info(node.cdc_raw).has_value()) here.push_back(node.name);
  }
  if (!here.empty()) return here;
  return InvalidArgument(
      fmt::format("{}: of no node ({}) is the cdc_raw directory on this machine; an agent runs where its node does",
                  config.path, Listed(config.nodes)));
}

Result<std::unique_ptr<Agent>> Agent::Open(const Config& config, const std::vector<std::string>& names, Log log) {
  CHECK(config.kafka.has_value());
  std::unique_ptr<Agent> agent(new Agent(config, std::move(log)));
  ASSIGN_OR_RETURN(agent->watcher_, Watcher::Make());
  for (const NodeFiles& node : config.nodes) {
    if (std::ranges::find(names, node.name) != names.end()) TRY(agent->OpenNode(node));
  }
  TRY(agent->BeginGuard());
  return agent;
}

Status Agent::OpenNode(const NodeFiles& files) {
  auto node = std::make_unique<Node>();
  node->files = files;
  ASSIGN_OR_RETURN(const auto host, ReadHostId(files.data));
  if (!host.has_value()) {
    return InvalidArgument(
        fmt::format("node {}: its files do not tell its host id yet; start the node, or run "
                    "nodetool flush system local",
                    files.name));
  }
  node->host = *host;
  node->host_text = TableId{*host}.ToString();
  for (const auto& other : nodes_) {
    if (other->host != node->host) continue;
    return InvalidArgument(fmt::format("{}: the nodes {} and {} are one: their host id is {}; list it once",
                                       config_.path, other->files.name, files.name, node->host_text));
  }
  node->directory = fmt::format("{}/agents/{}", config_.state, node->host_text);
  TRY(files_->MakeDirectory(node->directory));
  auto lock = files_->Lock(node->directory + "/lock");
  if (!lock.has_value()) {
    if (lock.error().code != ErrorCode::kTransient) return lock.error();
    return Error{ErrorCode::kTransient,
                 fmt::format("{}: another agent follows node {}; stop it first", node->directory, files.name)};
  }
  node->lock = *std::move(lock);
  ASSIGN_OR_RETURN(node->stored, ReadAgentPosition(files_, node->PositionPath(), node->host, kNode));
  node->acked = node->stored;
  node->told_acked = node->stored.value_or(Position());
  // Not there for now: NodeCapture looks again by itself, and polling goes on without the watch.
  (void)watcher_->Add(files.cdc_raw).has_value();
  nodes_.push_back(std::move(node));
  return {};
}

// Whatever captured the node before is gone with it.
Status Agent::OpenCapture(Node* node, SchemaRegistry* schemas) {
  NodeCapture::Options options = CaptureOptionsOf(config_, node->files, kNode);
  options.let_go_path = node->LetGoPath();
  options.resume = node->acked;
  options.log = log_;
  node->capture.reset();
  ASSIGN_OR_RETURN(node->capture, NodeCapture::Open(files_, schemas, options));
  const std::lock_guard lock(node->mutex);
  node->stats = node->capture->stats();
  return {};
}

Status Agent::BeginGuard() {
  for (const auto& node : nodes_) TRY(OpenCapture(node.get(), &no_definitions_));
  const std::lock_guard lock(mutex_);
  streaming_ = false;
  return {};
}

Status Agent::OpenQueue() {
  KafkaProperties properties = ClientProperties(config_);
  properties.Set("compression.type", config_.kafka->mutations_compression);
  ASSIGN_OR_RETURN(queue_, RecordQueue::Open({.producer = {.properties = std::move(properties),
                                                           .queue_bytes = kQueueBytes,
                                                           .linger_ms = kLingerMs,
                                                           .log = log_},
                                              .topic = config_.kafka->mutations_topic,
                                              .partitions = config_.shards}));
  barriers_.Clear();
  acked_ = 0;
  heard_us_ = WallClockUs();
  return {};
}

// Goes on from what is acknowledged.
Status Agent::BeginStreaming() {
  TRY(OpenQueue());
  for (const auto& node : nodes_) {
    node->outlet = std::make_unique<NodeOutlet>(&queue_, config_.shards, node->host, node->files.name);
    node->feeder =
        std::make_unique<Feeder>(Feeder::Options{.files = node->files,
                                                 .exclude = config_.exclude,
                                                 .progress_every_us = kProgressEveryUs,
                                                 .watermark_every_us = kWatermarkEveryUs,
                                                 .tell = [this](const std::string& alarm) { log_(true, alarm); }},
                                 node->schemas.get(), node->outlet.get());
    TRY(OpenCapture(node.get(), node->schemas.get()));
    node->given = node->acked.value_or(Position{kNode, {}, 0});
    // So that workers have the node's label before its first event.
    Message introduction;
    introduction.kind = Message::Kind::kProgress;
    introduction.position = node->given;
    introduction.time = WriteTime::None();
    TRY(node->outlet->PushToAll(introduction));
    if (node->acked.has_value()) TRY(node->feeder->TellMissedTruncations(files_, *node->acked));
  }
  phase_ = Phase::kStreaming;
  const std::lock_guard lock(mutex_);
  streaming_ = true;
  return {};
}

Status Agent::Run(const std::function<bool()>& stop) {
  std::vector<Connector::Node> nodes;
  nodes.reserve(nodes_.size());
  for (const auto& node : nodes_) {
    nodes.push_back({node->files, node->host, !node->stored.has_value()});
  }
  connector_ = std::make_unique<Connector>(&config_, std::move(nodes), log_);
  connector_->Start();
  while (!stop()) TRY(phase_ == Phase::kStreaming ? Round() : RoundOfGuard());
  connector_.reset();
  EndSnapshots();
  Finish();
  return {};
}

Status Agent::RoundOfGuard() {
  for (const auto& node : nodes_) {
    TRY(node->capture->Step(WallClockUs(), 0, &guard_));
    const std::lock_guard lock(node->mutex);
    node->stats = node->capture->stats();
  }
  if (phase_ == Phase::kConnecting) TRY(TryToConnect());
  if (phase_ == Phase::kBroken && WallClockUs() >= retry_us_) TRY(BeginStreaming());
  if (phase_ != Phase::kStreaming) watcher_->Wait(kGuardPollMs);
  return {};
}

Status Agent::TryToConnect() {
  auto connected = connector_->Take();
  if (!connected.has_value()) {
    const std::string problem = connector_->problem();
    if (!problem.empty() && WallClockUs() - started_us_ >= kConnectUs) {
      alarms_.Set(kKafkaAlarm, fmt::format("{}; nothing is captured until Kafka answers, which is tried again by "
                                           "itself; cdc_raw is guarded",
                                           problem));
    }
    return {};
  }
  TRY(*connected);
  for (size_t i = 0; i < nodes_.size(); ++i) nodes_[i]->schemas = std::move((**connected)[i]);
  alarms_.Set(kKafkaAlarm, "");
  StartSnapshots();
  return BeginStreaming();
}

void Agent::StartSnapshots() {
  std::vector<SnapshotServer::Node> nodes;
  nodes.reserve(nodes_.size());
  for (const auto& each : nodes_) {
    const Node* node = each.get();
    nodes.push_back({.files = node->files,
                     .host = node->host,
                     .schemas = node->schemas.get(),
                     .directory = node->directory + "/backfill-logs",
                     .captured = [node] {
                       const std::lock_guard lock(node->mutex);
                       return node->told_acked.segment;
                     }});
  }
  auto snapshots = std::make_unique<SnapshotServer>(&config_, std::move(nodes), &alarms_, log_);
  snapshots->Start();
  const std::lock_guard lock(mutex_);
  snapshots_ = std::move(snapshots);
}

void Agent::EndSnapshots() {
  std::unique_ptr<SnapshotServer> ending;  // whose end is waited for without the lock
  const std::lock_guard lock(mutex_);
  ending = std::move(snapshots_);
}

Status Agent::Round() {
  TRY(FollowSchema());
  bool more = false;
  TRY(StepNodes(&more));
  Failpoint("agent.pushed");
  if (queue_->problem().empty()) queue_->Step(0);
  NoteAcked();
  TRY(MindQueue());
  const int64_t now_us = WallClockUs();
  if (now_us - stored_us_ >= kStoreEveryUs) {
    stored_us_ = now_us;
    TRY(StorePositions());
  }
  if (phase_ != Phase::kStreaming || more) return {};
  if (!queue_->has_room()) {
    queue_->Step(kFullPollMs);
  } else {
    watcher_->Wait(config_.tail == NodeCapture::Tail::kLive ? kLivePollMs : kSyncedPollMs);
  }
  return {};
}

Status Agent::FollowSchema() {
  const int64_t now_us = WallClockUs();
  const bool waiting = std::ranges::any_of(nodes_, [](const auto& node) { return node->stats.waiting_for_schema; });
  if (now_us - schema_checked_us_ < (waiting ? kSchemaEveryWhileWaitingUs : kSchemaEveryUs)) return {};
  schema_checked_us_ = now_us;
  for (const auto& node : nodes_) {
    const auto events = node->schemas->Refresh();
    if (!events.has_value()) {
      // The journal is out of reach: what is known stands, and what is new waits for its definition.
      if (events.error().code != ErrorCode::kTransient) return events.error();
      alarms_.Set(kSchemasAlarm, fmt::format("{}; it is tried again by itself", events.error().message));
      schema_checked_us_ = now_us + kSecond;
      return {};
    }
  }
  alarms_.Set(kSchemasAlarm, "");
  return {};
}

Status Agent::StepNodes(bool* more) {
  for (const auto& node : nodes_) {
    if (!queue_->problem().empty()) return {};
    Sink sink(node.get());
    const uint64_t room = std::min(node->outlet->room_bytes(), kStepBytes);
    // With no room the node is still guarded; that is all.
    const auto stepped = node->capture->Step(WallClockUs(), room, &sink);
    if (!stepped.has_value() && queue_->problem().empty()) return stepped.error();
    *more = *more || (stepped.has_value() && *stepped && room > 0);
    const std::lock_guard lock(node->mutex);
    node->stats = node->capture->stats();
  }
  return {};
}

void Agent::NoteAcked() {
  AckBarriers::Positions given;
  for (const auto& node : nodes_) given.push_back(node->given);
  if (barriers_.Wants(queue_->pushed(), given)) barriers_.Add(queue_->pushed(), std::move(given));
  if (!barriers_.Advance([this](const AckBarriers::Counts& pushed) { return queue_->Acked(pushed); })) return;
  Failpoint("agent.acked");
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Position& acked = barriers_.acked()[i];
    if (acked.none()) continue;
    nodes_[i]->acked = acked;
    const std::lock_guard lock(nodes_[i]->mutex);
    nodes_[i]->told_acked = acked;
  }
}

// Raises the alarm where brokers are silent, and lets go of a producer that can do nothing any more.
Status Agent::MindQueue() {
  const int64_t now_us = WallClockUs();
  if (queue_->problem().empty() && now_us - minded_us_ < kMindEveryUs) return {};
  minded_us_ = now_us;
  OutletStats stats = queue_->stats();
  if (stats.acked > acked_) {
    backoff_us_ = 0;
    alarms_.Set(kProducerAlarm, "");
  }
  if (stats.acked > acked_ || stats.queued == 0) heard_us_ = now_us;
  acked_ = stats.acked;
  stats.silent_us = now_us - heard_us_;
  if (stats.silent_us < kSilentUs) {
    alarms_.Set(kKafkaAlarm, "");
  } else {
    alarms_.Set(kKafkaAlarm,
                fmt::format("no broker has acknowledged anything for {} s{}; no more is captured than the queue holds, "
                            "and cdc_raw is guarded; it goes on by itself",
                            stats.silent_us / kSecond, stats.last_error.empty() ? "" : ": " + stats.last_error));
  }
  const std::string problem = queue_->problem();
  {
    const std::lock_guard lock(mutex_);
    stats.renewed = outlet_.renewed + (problem.empty() ? 0 : 1);
    outlet_ = stats;
  }
  if (problem.empty()) return {};
  alarms_.Set(kProducerAlarm, fmt::format("{}; the log is sent again from what is acknowledged", problem));
  backoff_us_ = std::clamp(backoff_us_ * 2, kFirstBackoffUs, kMostBackoffUs);
  retry_us_ = now_us + backoff_us_;
  phase_ = Phase::kBroken;
  TRY(BeginGuard());
  queue_.reset();
  return {};
}

// Where the disk is full, cdc_raw keeps what is not noted.
Status Agent::StorePositions() {
  for (const auto& node : nodes_) {
    if (!node->acked.has_value()) continue;
    if (node->acked != node->stored) {
      const Status written = WriteAgentPosition(files_, node->PositionPath(), node->host, *node->acked);
      if (!written.has_value()) {
        alarms_.Set(kPositionsAlarm,
                    fmt::format("{}; cdc_raw keeps what was read until there is room", written.error().message));
        return {};
      }
      node->stored = node->acked;
      Failpoint("agent.stored");
    }
    TRY(node->capture->Release(*node->stored));
    Failpoint("agent.released");
  }
  alarms_.Set(kPositionsAlarm, "");
  return {};
}

void Agent::Finish() {
  const int64_t until_us = WallClockUs() + kFinishUs;
  while (queue_ != nullptr && queue_->problem().empty() && !queue_->all_acked() && WallClockUs() < until_us) {
    queue_->Step(kGuardPollMs);
  }
  if (queue_ != nullptr) {
    NoteAcked();
    if (!queue_->all_acked()) {
      log_(true, fmt::format("{} records were not acknowledged in time: they are sent again after the next start",
                             queue_->stats().queued));
    }
  }
  const Status stored = StorePositions();
  if (!stored.has_value()) log_(true, stored.error().message);
}

RunStats Agent::Stats() const {
  RunStats stats;
  stats.name = config_.name;
  stats.version = kVersion;
  stats.started_us = started_us_;
  stats.now_us = WallClockUs();
  for (const auto& node : nodes_) {
    NodeStats& told = stats.nodes.emplace_back();
    const std::lock_guard lock(node->mutex);
    told.name = node->files.name;
    told.index = NodeIndex{static_cast<uint16_t>(stats.nodes.size() - 1)};
    told.host_id = node->host_text;
    told.capture = node->stats;
    told.acked = node->told_acked;
    told.lag_us = node->stats.watermark.none() ? stats.now_us - started_us_ : stats.now_us - node->stats.watermark.us;
    if (!told.capture.reachable) stats.not_ready = "node " + told.name + " cannot be read";
  }
  stats.alarms = alarms_.List();
  if (const auto free_bytes = files_->FreeBytes(config_.state); free_bytes.has_value()) {
    stats.disk_free_bytes = *free_bytes;
  }
  stats.resident_bytes = ResidentBytes();
  {
    const std::lock_guard lock(mutex_);
    stats.outlet = outlet_;
    if (snapshots_ != nullptr) {
      if (auto reading = snapshots_->reading(); reading.has_value()) stats.backfills.push_back(*std::move(reading));
    }
    if (!streaming_ && stats.alarms.empty() && stats.not_ready.empty()) stats.not_ready = "it connects to Kafka";
  }
  stats.JudgeReady();
  return stats;
}

}  // namespace braid
