#include "pipeline/worker/worker.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "base/byte_source.h"
#include "base/check.h"
#include "base/checksum.h"
#include "pipeline/feed/wall_clock.h"
#include "pipeline/kafka/clients.h"
#include "pipeline/worker/memory_shares.h"
#include "transport/message/record.h"

namespace braid {
namespace {

constexpr uint64_t kMostCommitBytes = uint64_t{16} << 20;
constexpr int kAskTimeoutMs = 5'000;
constexpr int kPollMs = 20;
constexpr size_t kMostRecords = 2'000;
constexpr uint64_t kMostIdBytes = 1'000;
constexpr int kLeaveMs = 10'000;
constexpr int64_t kSchemaEveryUs = 100'000;

std::array<char, 16> RandomBytes() {
  std::array<char, 16> bytes;
  CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return bytes;
}

// The worker's own for ever: what a process that died left open is ended by the next one.
Result<std::string> TransactionalId(FileSystem* files, const std::string& directory, const std::string& group) {
  const std::string path = directory + "/transactional-id";
  auto known = ReadFile(path, kMostIdBytes);
  if (known.has_value() || known.error().code != ErrorCode::kNotFound) return known;
  std::string id = group + "-";
  for (const char byte : RandomBytes()) id += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  TRY(files->ReplaceFile(path, id));
  return id;
}

}  // namespace

Worker::Worker(const Config& config, Log log)
    : config_(config),
      kafka_(*config_.kafka),
      log_(std::move(log)),
      alarms_(log_),
      files_(PosixFileSystem()),
      directory_(config_.state + "/worker"),
      started_us_(WallClockUs()),
      feed_(&config_) {}

Worker::~Worker() {
  LetGo(std::move(consumer_));
  LetGo(std::move(restorer_));
}

Result<std::unique_ptr<Worker>> Worker::Open(const Config& config, Log log) {
  if (!config.kafka.has_value()) {
    return InvalidArgument(fmt::format("{}: there is no group kafka, which a worker needs", config.path));
  }
  std::unique_ptr<Worker> worker(new Worker(config, std::move(log)));
  FileSystem* files = worker->files_;
  TRY(files->MakeDirectory(config.state));
  TRY(files->MakeDirectory(worker->directory_));
  auto lock = files->Lock(worker->directory_ + "/lock");
  if (!lock.has_value()) {
    if (lock.error().code != ErrorCode::kTransient) return lock.error();
    return Error{ErrorCode::kTransient,
                 fmt::format("{}: another worker has this state directory; stop it first, or give this worker a state "
                             "directory of its own",
                             worker->directory_)};
  }
  worker->lock_ = *std::move(lock);
  ASSIGN_OR_RETURN(worker->transactional_id_, TransactionalId(files, worker->directory_, worker->kafka_.group));
  TRY(worker->OpenClients());
  return worker;
}

Status Worker::OpenClients() {
  const auto log = [this](bool alarm, const std::string& message) { Tell(alarm, message); };
  ASSIGN_OR_RETURN(admin_, KafkaAdmin::Open({.properties = ClientProperties(config_), .log = log}));
  topics_ = std::make_unique<StreamTopics>(admin_.get(), kafka_.replicas);
  if (kafka_.registry.has_value()) {
    const RegistryConfig& registry = *kafka_.registry;
    ASSIGN_OR_RETURN(registry_, AvroRegistry::Make({.urls = {registry.url},
                                                    .user = registry.user,
                                                    .password = registry.password,
                                                    .ca_file = registry.ca_file,
                                                    .wait = [this](int64_t ms) {
                                                      std::this_thread::sleep_for(std::chrono::milliseconds(ms));
                                                      return !stop_();
                                                    }}));
  }
  return OpenConsumers();
}

// Waits for brokers; ends early if it is to stop.
Status Worker::Prepare() {
  while (!stop_()) {
    Status made = MakePipelineTopics(config_, admin_.get(), kAskTimeoutMs);
    if (made.has_value()) break;
    if (made.error().code != ErrorCode::kTransient) return made;
    alarms_.Set("brokers", made.error().message);
  }
  while (!stop_()) {
    auto journal = OpenKafkaSchemaJournal({.properties = ClientProperties(config_), .topic = kafka_.schemas_topic});
    if (!journal.has_value()) return journal.error();
    auto book = JournalBook::Open(*std::move(journal));
    if (book.has_value()) {
      schemas_ = *std::move(book);
      break;
    }
    if (book.error().code != ErrorCode::kTransient) return book.error();
    alarms_.Set("brokers", book.error().message);
  }
  if (stop_()) return {};
  alarms_.Set("brokers", "");
  TRY(Renew());
  return Join();
}

Status Worker::Run(std::function<bool()> stop) {
  stop_ = std::move(stop);
  TRY(Prepare());
  Status status;
  while (!stop_() && status.has_value()) status = Round();
  // What cannot be committed now is done again by whoever gets the shards.
  if (status.has_value() && !failed_ && producer_ != nullptr) status = Commit();
  if (failed_) status = {};
  feed_.Stop();
  shards_.clear();
  consumer_->Close(kLeaveMs);
  return status;
}

// What is there to be read, what time brings, and a commit if one is due.
Status Worker::Round() {
  if (failed_) TRY(Renew());
  const KafkaBatch& batch = consumer_->Poll(kMostRecords, feed_.has_any() ? 0 : kPollMs);
  TRY(TakeRecords(batch));
  TRY(TakeEvents(batch));
  // Before a shard that went back to its last commit can run again: what was read for it counts no more.
  TRY(StepBackfills());
  TRY(StepRestore());
  TRY(FollowSchema());
  TRY(Tick());
  TRY(CommitIfDue());
  TellStats();
  return {};
}

Status Worker::TakeRecords(const KafkaBatch& batch) {
  for (const KafkaRecord& record : batch.records) {
    Hosted* hosted = Find(record.partition);
    // Of a partition whose shard was taken back meanwhile: it is read again.
    if (failed_ || hosted == nullptr || hosted->phase() != HostedShard::Phase::kRunning) continue;
    TRY(TakeRecord(hosted, record));
    if (hosted->shard()->pending_bytes() >= CommitBytes()) TRY(Commit());
  }
  return {};
}

Status Worker::TakeRecord(Hosted* hosted, const KafkaRecord& record) {
  const Status taken = TakeReadable(hosted, record);
  if (taken.has_value()) return {};
  const std::string where = fmt::format("{} partition {} offset {}", record.topic, record.partition, record.offset);
  const bool unreadable = taken.error().code == ErrorCode::kCorrupt || taken.error().code == ErrorCode::kUnsupported;
  if (!unreadable) return taken.error().At(where);
  if (config_.on_corruption == NodeCapture::OnCorruption::kStop || hosted->shard()->hosts().empty()) {
    return Error{taken.error().code,
                 fmt::format("{}: {}; to go on without this record, with a gap, set on_corruption: skip", where,
                             taken.error().message)};
  }
  Tell(true, fmt::format("{}: {}; it is passed over, and a gap is recorded", where, taken.error().message));
  Message message;
  message.kind = Message::Kind::kGap;
  message.next.value = record.offset + 1;
  message.gap.id = Hash64(where) | 1;
  message.gap.reason = GapReason::kCorrupt;
  message.gap.detail = fmt::format("{}: a record that cannot be read: {}", where, taken.error().message);
  message.gap.seen_at.us = WallClockUs();
  return Give(hosted, message);
}

Status Worker::TakeReadable(Hosted* hosted, const KafkaRecord& record) {
  ASSIGN_OR_RETURN(TransportRecord decoded, DecodeRecord(record.value.value_or("")));
  Message& message = decoded.message;
  SetNode(hosted->IndexOf(decoded.host, decoded.label), &message);
  message.next.value = record.offset + 1;
  return TakeMessage(hosted, message);
}

Status Worker::TakeMessage(Hosted* hosted, const Message& message) {
  Status taken = Give(hosted, message);
  if (taken.has_value() || taken.error().code != ErrorCode::kNotFound) return taken;
  // The definition that it names was in the journal before it was sent.
  const int64_t until_us = WallClockUs() + config_.schema_wait_us;
  while (!taken.has_value() && taken.error().code == ErrorCode::kNotFound && WallClockUs() <= until_us) {
    const auto events = schemas_->ReadNew();
    if (!events.has_value() && events.error().code != ErrorCode::kTransient) return events.error();
    if (events.has_value()) TRY(TellSchemas(*events));
    if (stop_()) return taken;
    taken = Give(hosted, message);
  }
  return taken;
}

// A commit that fails within says so by failed_: what it leaves behind is taken back, and no error of the shard's.
Status Worker::Give(Hosted* hosted, const Message& message) {
  const int64_t now_us = WallClockUs();
  hosted->topics()->SetNow(now_us);
  Status taken = hosted->shard()->Take(message, now_us);
  return failed_ ? Status() : taken;
}

Status Worker::TakeEvents(const KafkaBatch& batch) {
  for (const KafkaEvent& event : batch.events) {
    switch (event.kind) {
      case KafkaEvent::Kind::kAssigned:
        TRY(TakeAssigned(event.partitions));
        break;
      case KafkaEvent::Kind::kRevoked:
        TRY(TakeAway(event.partitions, /*lost=*/false));
        break;
      case KafkaEvent::Kind::kLost:
        TRY(TakeAway(event.partitions, /*lost=*/true));
        break;
      case KafkaEvent::Kind::kOutOfRange:
        return NotFound(
            fmt::format("{}; what agents sent was removed before a worker read it (retention of the topic): the "
                        "streams would lack it. "
                        "Begin anew with other topics, and give mutations a longer retention",
                        event.message));
      case KafkaEvent::Kind::kError:
        Tell(true, event.message);
        // Such as being fenced by what a process that died had still sent.
        if (event.fatal) return JoinAnew();
        break;
      case KafkaEvent::Kind::kEnd:
        break;
    }
  }
  return {};
}

Status Worker::FollowSchema() {
  const int64_t now_us = WallClockUs();
  if (now_us - schema_checked_us_ < kSchemaEveryUs) return {};
  schema_checked_us_ = now_us;
  const auto events = schemas_->ReadArrived();
  if (!events.has_value()) {
    alarms_.Set("schemas", events.error().message);
    return events.error().code == ErrorCode::kTransient ? Status() : Status(events.error());
  }
  alarms_.Set("schemas", "");
  return TellSchemas(*events);
}

Status Worker::TellSchemas(const std::vector<SchemaBook::Event>& events) {
  for (const SchemaBook::Event& event : events) {
    for (const auto& [partition, hosted] : shards_) {
      if (hosted->phase() == HostedShard::Phase::kRunning) TRY(TellSchema(hosted.get(), event.table().table_id));
    }
  }
  return {};
}

Status Worker::TellSchema(Hosted* hosted, const TableId& table) {
  if (failed_) return {};
  Message message;
  message.kind = Message::Kind::kSchema;
  message.table = table;
  return Give(hosted, message);
}

uint64_t Worker::CommitBytes() const {
  return std::min(kMostCommitBytes, config_.memory_bytes / kCommitShare);
}

KafkaPartition Worker::Mutations(uint32_t shard) const {
  return {kafka_.mutations_topic, static_cast<int32_t>(shard)};
}

KafkaPartition Worker::Changelog(uint32_t shard) const {
  return {kafka_.changelog_topic, static_cast<int32_t>(shard)};
}

HostedShard* Worker::Find(int32_t partition) const {
  const auto found = shards_.find(partition);
  return found == shards_.end() ? nullptr : found->second.get();
}

size_t Worker::LeastNodes() const {
  return std::max<size_t>(config_.nodes.size(), schemas_->nodes_in_all());
}

Shard::Options Worker::ShardOptions() {
  Shard::Options options{
      .purge_slack_us = config_.purge_slack_us,
      .commit_bytes = CommitBytes(),
      .commit = [this] { return CommitWithin(); },
      .least_nodes = LeastNodes(),
      .hold = {.window_us = config_.reorder_window_us,
               .quorum = config_.publish_quorum,
               .confirm_timeout_us = config_.confirm_timeout_us,
               .limit_bytes = config_.memory_bytes / kHoldShare / config_.shards},
      .truncate_rows = std::ranges::any_of(
          kafka_.streams, [](const KafkaStream& stream) { return stream.truncate == KafkaStream::Truncate::kRows; }),
      .copy_filter_bytes = config_.memory_bytes / kCopiesShare / config_.shards,
      .copy_filter_seed = RandomBytes()};
  return options;
}

HostedShard::Running Worker::RunningOptions() {
  HostedShard::Running running;
  running.shard = ShardOptions();
  running.topics.pipeline = config_.name;
  running.topics.gaps_topic = kafka_.gaps_topic;
  running.topics.newest = [this](const TableId& table) { return schemas_->FindTable(table); };
  running.topics.schema_id = [this](const std::string& subject, const std::string& schema) -> Result<int32_t> {
    if (registry_ == nullptr) return InvalidArgument(fmt::format("{}: there is no registry for Avro", config_.path));
    return registry_->Register(subject, schema);
  };
  for (size_t i = 0; i < kafka_.streams.size(); ++i) {
    TopicWriter::Stream stream{.spec = {}, .kafka = kafka_.streams[i]};
    if (i < config_.streams.size()) {
      stream.spec = config_.streams[i];
    } else {
      stream.spec.tables = {"*"};
    }
    running.topics.streams.push_back(std::move(stream));
  }
  running.producer = producer_.get();
  running.stream_topics = topics_.get();
  running.schemas = schemas_.get();
  return running;
}

void Worker::Tell(bool alarm, const std::string& message) const {
  if (log_) log_(alarm, message);
}

}  // namespace braid
