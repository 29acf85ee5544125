#include "pipeline/agent/snapshot_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/file_system.h"
#include "codec/mutation.h"
#include "pipeline/feed/wall_clock.h"
#include "pipeline/kafka/clients.h"
#include "pipeline/run/pace.h"
#include "transport/kafka/admin.h"

namespace braid {
namespace {

constexpr int kTopicsTimeoutMs = 5000;
// Requests are small, and few.
constexpr uint64_t kFetchBytes = uint64_t{1} << 20;
constexpr uint64_t kQueueBytes = uint64_t{8} << 20;
constexpr int kLingerMs = 5;
constexpr size_t kMostRecords = 100;
constexpr int kIdleMs = 100;
constexpr int kFullMs = 10;
constexpr int64_t kLookEveryUs = 100'000;
constexpr auto kPause = std::chrono::milliseconds(50);
// Until what Kafka did not do is tried again: so many pauses.
constexpr int kPausesUntilAgain = 10;
// Of the configured memory.
constexpr uint64_t kMemoryShare = 8;

constexpr const char* kAlarm = "snapshots";

Error Ended() {
  return {ErrorCode::kTransient, "nobody wants it any more"};
}

// What is wrong with a node, with its name, which it may begin with already.
std::string OfNode(const std::string& name, const std::string& text) {
  const std::string prefix = fmt::format("node {}: ", name);
  return text.empty() || text.starts_with(prefix) ? text : prefix + text;
}

std::string AlarmOf(const TableId& table, const std::string& node) {
  return fmt::format("{} on node {}", table.ToString(), node);
}

}  // namespace

SnapshotServer::~SnapshotServer() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void SnapshotServer::Start() {
  thread_ = std::thread([this] { Run(); });
}

std::optional<BackfillStats> SnapshotServer::reading() const {
  const std::lock_guard lock(mutex_);
  return reading_;
}

void SnapshotServer::Run() {
  while (!stop_) {
    const Status done = Round();
    if (done.has_value()) {
      alarms_->Set(kAlarm, "");
      continue;
    }
    // Brokers that do not answer are told of by those who wait for them with more at stake.
    if (done.error().code != ErrorCode::kTransient) {
      alarms_->Set(kAlarm, fmt::format("workers that ask what the nodes have of a table get no answer: {}; it is tried "
                                       "again by itself",
                                       done.error().message));
    }
    for (int i = 0; i < kPausesUntilAgain && !stop_; ++i) std::this_thread::sleep_for(kPause);
  }
}

Status SnapshotServer::Round() {
  if (consumer_ == nullptr) TRY(OpenConsumer());
  Look(parts_.empty() ? kIdleMs : 0);
  // Workers ask only where there is a topic for the answer: nobody's first request is taken for an old one.
  if (!has_read_old_) return {};
  if (producer_ != nullptr && producer_->failed()) producer_.reset();
  if (producer_ == nullptr) TRY(OpenProducer());
  TRY(producer_->Poll(0));
  TRY(SendEnds());
  if (parts_.empty()) {
    ForgetGoneTables();
    const std::optional<SnapshotRequest> next = requests_.Next();
    for (size_t node = 0; next.has_value() && node < nodes_.size(); ++node) parts_.push_back({*next, node});
    return {};
  }
  const Part part = parts_.front();
  parts_.pop_front();
  Answer(part);
  return {};
}

Status SnapshotServer::OpenProducer() {
  ASSIGN_OR_RETURN(const auto admin, KafkaAdmin::Open({.properties = ClientProperties(*config_), .log = log_}));
  std::vector<KafkaTopic> topics;
  topics_.clear();
  for (const Node& node : nodes_) {
    topics.push_back(SnapshotTopic(*config_, node.host));
    topics_.push_back(topics.back().name);
  }
  TRY(MakeTopics(topics, admin.get(), kTopicsTimeoutMs));
  KafkaProperties properties = ClientProperties(*config_);
  properties.Set("compression.type", config_->kafka->mutations_compression);
  ASSIGN_OR_RETURN(
      producer_,
      KafkaProducer::Open(
          {.properties = std::move(properties), .queue_bytes = kQueueBytes, .linger_ms = kLingerMs, .log = log_}));
  return {};
}

Status SnapshotServer::OpenConsumer() {
  ASSIGN_OR_RETURN(auto consumer, KafkaConsumer::Open({.properties = ClientProperties(*config_),
                                                       .group = config_->kafka->group + "-snapshots",
                                                       .queue_bytes = kFetchBytes,
                                                       .log = log_}));
  TRY(consumer->Add({{config_->kafka->snapshots_topic, 0, kKafkaBeginning}}));
  consumer_ = std::move(consumer);
  requests_.Clear();
  parts_.clear();
  ends_.clear();
  has_read_old_ = false;
  return {};
}

// Hears what is asked and what is withdrawn.
void SnapshotServer::Look(int timeout_ms) {
  if (consumer_ == nullptr) return;
  looked_us_ = WallClockUs();
  const KafkaBatch& batch = consumer_->Poll(kMostRecords, timeout_ms);
  for (const KafkaRecord& record : batch.records) TakeRecord(record);
  bool over = false;
  for (const KafkaEvent& event : batch.events) {
    if (event.kind == KafkaEvent::Kind::kEnd && !has_read_old_) AnswerWhatIsOld();
    if (!event.message.empty()) log_(true, event.message);
    over = over || event.fatal || event.kind == KafkaEvent::Kind::kOutOfRange;
  }
  if (!over) return;
  // The topic was made anew, or this consumer is done: whatever is asked is read again, by another one.
  consumer_.reset();
  requests_.Clear();
}

void SnapshotServer::TakeRecord(const KafkaRecord& record) {
  const Status taken = requests_.Take(record.key.value_or(""), record.value);
  if (taken.has_value()) return;
  log_(true, fmt::format("{} offset {}: {}; it is not answered", record.topic, record.offset, taken.error().message));
}

void SnapshotServer::AnswerWhatIsOld() {
  has_read_old_ = true;
  while (const auto request = requests_.Next()) {
    for (size_t node = 0; node < nodes_.size(); ++node) {
      ends_.push_back(
          {{*request, node}, OfNode(nodes_[node].files.name, "its agent began anew after it was asked; ask again")});
    }
  }
}

// Whether the part is not to be gone on with.
bool SnapshotServer::Ends(const Part& part) {
  if (WallClockUs() - looked_us_ >= kLookEveryUs) Look(0);
  return stop_ || !requests_.Wants(part.request);
}

void SnapshotServer::Answer(const Part& part) {
  BeginReading(part);
  const Result<std::string> given = GivePart(part);
  {
    const std::lock_guard lock(mutex_);
    reading_.reset();
  }
  if (Ends(part)) return;
  const std::string missing = OfNode(nodes_[part.node].files.name, given.has_value() ? *given : given.error().message);
  // What Kafka or time cures is no matter for people.
  if (given.has_value() || given.error().code != ErrorCode::kTransient) Judge(part, missing);
  ends_.push_back({part, missing});
}

// What is missing of what it gave, which brokers have when it returns.
Result<std::string> SnapshotServer::GivePart(const Part& part) {
  const Node& node = nodes_[part.node];
  ASSIGN_OR_RETURN(const TableSchema* schema, AwaitTable(part));
  if (const std::string why = WhyNoSnapshot(*config_, node.files); !why.empty()) return InvalidArgument(why);
  TRY(PosixFileSystem()->MakeDirectory(node.directory));
  ASSIGN_OR_RETURN(const auto snapshot, TableSnapshot::Open(SnapshotOptions(part, schema)));
  TRY(GivePieces(part, snapshot.get()));
  TRY(AwaitAcks(part));
  return snapshot->missing();
}

Result<const TableSchema*> SnapshotServer::AwaitTable(const Part& part) {
  const Node& node = nodes_[part.node];
  const int64_t until_us = WallClockUs() + config_->schema_wait_us;
  while (true) {
    const TableSchema* schema = node.schemas->FindTable(part.request.table);
    if (schema != nullptr) {
      const std::lock_guard lock(mutex_);
      reading_->table = schema->FullName();
      return schema;
    }
    if (Ends(part)) return Ended();
    if (WallClockUs() >= until_us) break;
    std::this_thread::sleep_for(kPause);
  }
  const std::string why = node.schemas->WhyUnreadable(part.request.table);
  return Error{ErrorCode::kTransient, fmt::format("its agent does not know the table {}{}",
                                                  part.request.table.ToString(), why.empty() ? "" : ": " + why)};
}

TableSnapshot::Options SnapshotServer::SnapshotOptions(const Part& part, const TableSchema* schema) {
  const Node& node = nodes_[part.node];
  TableSnapshot::Options options;
  options.nodes = {node.files};
  options.captured = {node.captured()};
  options.tables = node.schemas;
  options.schema = schema;
  options.exclude = config_->exclude;
  options.tokens = {.after = part.request.after, .through = part.request.through};
  options.memory_bytes = config_->memory_bytes / kMemoryShare;
  options.directory = node.directory;
  options.stop = [this, part] { return Ends(part); };
  return options;
}

Status SnapshotServer::GivePieces(const Part& part, TableSnapshot* snapshot) {
  {
    const std::lock_guard lock(mutex_);
    reading_->total_bytes = snapshot->total_bytes();
  }
  const Pace pace(config_->backfill.rate_bytes);
  std::string piece_bytes;
  std::string record;
  while (true) {
    const uint64_t read_bytes = snapshot->read_bytes();
    {
      const std::lock_guard lock(mutex_);
      reading_->read_bytes = read_bytes;
    }
    if (!pace.Await(read_bytes, [&] { return Ends(part); })) return Ended();
    ASSIGN_OR_RETURN(const SstablePiece* piece, snapshot->Next());
    if (piece == nullptr) return {};
    piece_bytes.clear();
    AppendTransaction(&piece_bytes, {.position = {}, .mutations = {&piece->mutation, 1}});
    record.clear();
    AppendSnapshotRecord(&record, {.kind = SnapshotRecord::Kind::kPiece,
                                   .attempt = part.request.attempt,
                                   .first = piece->first,
                                   .last = piece->last,
                                   .whole = snapshot->missing().empty(),
                                   .bytes = piece_bytes,
                                   .missing = {}});
    TRY(Send(part, record));
  }
}

Status SnapshotServer::Send(const Part& part, ByteView record) {
  TRY(producer_->Poll(0));
  while (true) {
    ASSIGN_OR_RETURN(const bool sent, producer_->Produce(topics_[part.node], static_cast<int32_t>(part.request.shard),
                                                         std::nullopt, record));
    if (sent) return {};
    if (Ends(part)) return Ended();
    TRY(producer_->Poll(kFullMs));
  }
}

// An end must not follow what brokers do not have.
Status SnapshotServer::AwaitAcks(const Part& part) {
  const std::string& topic = topics_[part.node];
  const auto partition = static_cast<int32_t>(part.request.shard);
  while (producer_->Acked(topic, partition) < producer_->Produced(topic, partition)) {
    if (Ends(part)) return Ended();
    TRY(producer_->Poll(kIdleMs));
  }
  return {};
}

Status SnapshotServer::SendEnds() {
  while (!ends_.empty() && !stop_) {
    const End end = ends_.front();
    Status sent;
    if (requests_.Wants(end.part.request)) {
      std::string record;
      AppendSnapshotRecord(&record, {.kind = SnapshotRecord::Kind::kEnd,
                                     .attempt = end.part.request.attempt,
                                     .bytes = {},
                                     .missing = end.missing});
      sent = Send(end.part, record);
      if (sent.has_value()) sent = AwaitAcks(end.part);
    }
    if (!sent.has_value() && !Ends(end.part)) return sent;
    ends_.pop_front();
  }
  return {};
}

void SnapshotServer::BeginReading(const Part& part) {
  const std::lock_guard lock(mutex_);
  reading_.emplace();
  reading_->id = part.request.attempt;
  reading_->table = part.request.table.ToString();
  reading_->part = fmt::format("shard {} of {}", part.request.shard, nodes_[part.node].files.name);
  reading_->asked_us = reading_->since_us = WallClockUs();
  reading_->running = true;
}

// Raises and ends the alarm of a table on a node: it stands while any shard's part of it has a problem.
void SnapshotServer::Judge(const Part& part, const std::string& problem) {
  const Node& node = nodes_[part.node];
  const std::string alarm = AlarmOf(part.request.table, node.files.name);
  std::set<uint32_t>& shards = lacking_[{part.request.table, part.node}];
  if (!problem.empty()) {
    shards.insert(part.request.shard);
    const TableSchema* schema = node.schemas->FindTable(part.request.table);
    alarms_->Set(alarm,
                 fmt::format("{}; so what the node has of {} cannot be read whole; workers ask again by themselves",
                             problem, schema == nullptr ? part.request.table.ToString() : schema->FullName()));
    return;
  }
  shards.erase(part.request.shard);
  if (!shards.empty()) return;
  lacking_.erase({part.request.table, part.node});
  alarms_->Set(alarm, "");
}

// Nobody asks for them any more.
void SnapshotServer::ForgetGoneTables() {
  std::erase_if(lacking_, [this](const auto& lacking) {
    const auto& [table, number] = lacking.first;
    const Node& node = nodes_[number];
    const std::vector<const TableSchema*> tables = node.schemas->CapturedTables();
    if (std::ranges::find(tables, table, &TableSchema::table_id) != tables.end()) return false;
    alarms_->Set(AlarmOf(table, node.files.name), "");
    return true;
  });
}

}  // namespace braid
