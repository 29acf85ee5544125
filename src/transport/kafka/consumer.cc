#include "transport/kafka/consumer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "transport/kafka/client.h"

namespace braid {

namespace {

using kafka::PartitionList;
using kafka::Place;
using Kind = KafkaEvent::Kind;

// What librdkafka holds for each record that it has fetched, besides the record (rd_kafka_op_t).
constexpr uint64_t kRecordOverhead = 1100;
constexpr int kSeekMs = 5'000;
constexpr int kCloseMs = 5'000;
constexpr int kCloseStepMs = 50;

std::optional<std::string_view> View(const void* bytes, size_t size) {
  if (bytes == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(bytes), size);
}

std::string Bounded(uint64_t value, uint64_t least, uint64_t most) {
  return std::to_string(std::clamp(value, least, most));
}

}  // namespace

std::optional<std::string_view> KafkaRecord::Header(const char* name) const {
  rd_kafka_headers_t* headers = nullptr;
  const void* bytes = nullptr;
  size_t size = 0;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      rd_kafka_header_get_last(headers, name, &bytes, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::nullopt;
  }
  return View(bytes, size).value_or("");
}

std::vector<KafkaHeader> KafkaRecord::Headers() const {
  std::vector<KafkaHeader> all;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return all;
  const char* name = nullptr;
  const void* bytes = nullptr;
  size_t size = 0;
  while (rd_kafka_header_get_all(headers, all.size(), &name, &bytes, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    all.push_back({name, View(bytes, size).value_or("")});
  }
  return all;
}

struct KafkaConsumer::Impl : kafka::Client {
  explicit Impl(Options options) : Client(std::move(options.properties), std::move(options.log)) {}
  ~Impl() override {
    Close(kCloseMs);
    // Else librdkafka would wait for the group's coordinator as long as that takes.
    if (rk() != nullptr) Stop(rd_kafka_consumer_closed(rk()) != 0 ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }

  static void OnRebalance(rd_kafka_t* rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t* list, void* self);

  Status Answer(const char* what, rd_kafka_error_t* raw) const;
  Status Each(const char* what, rd_kafka_resp_err_t err, const rd_kafka_topic_partition_list_t& list) const;
  void Drop();
  void Take(rd_kafka_message_t* message);
  void TakeError(rd_kafka_message_t* message);
  void Close(int timeout_ms);

  kafka::Queue queue;
  std::vector<rd_kafka_message_t*> messages;  // those that `batch` shows, and those that were no records
  KafkaBatch batch;
  std::vector<KafkaEvent> rebalances;  // of this Poll: they come behind what was read before they were answered
  Stats stats;
  bool asked = false;  // a rebalance was told and is not answered yet: librdkafka waits for that
  bool closing = false;
};

// Served within Poll and Close, on the caller's thread.
void KafkaConsumer::Impl::OnRebalance(rd_kafka_t* rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t* list,
                                      void* opaque) {
  auto* self = static_cast<Impl*>(static_cast<Client*>(opaque));
  if (self->closing) {
    // Nobody is asked any more.
    const kafka::RdError ignored(rd_kafka_incremental_unassign(rk, list));
    return;
  }
  KafkaEvent event;
  event.partitions = kafka::Partitions(*list);
  if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    event.kind = Kind::kAssigned;
  } else {
    event.kind = rd_kafka_assignment_lost(rk) != 0 ? Kind::kLost : Kind::kRevoked;
  }
  self->rebalances.push_back(std::move(event));
  self->asked = true;
  // So that Poll returns now.
  rd_kafka_yield(rk);
}

Status KafkaConsumer::Impl::Answer(const char* what, rd_kafka_error_t* raw) const {
  const kafka::RdError error(raw);
  if (error == nullptr) return {};
  return Failure(what, rd_kafka_error_code(raw), rd_kafka_error_string(raw));
}

Status KafkaConsumer::Impl::Each(const char* what, rd_kafka_resp_err_t err,
                                 const rd_kafka_topic_partition_list_t& list) const {
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR && list.cnt != 1) return Failure(what, err);
  for (int i = 0; i < list.cnt; ++i) {
    const rd_kafka_topic_partition_t& each = list.elems[i];
    const rd_kafka_resp_err_t its = each.err != RD_KAFKA_RESP_ERR_NO_ERROR ? each.err : err;
    if (its != RD_KAFKA_RESP_ERR_NO_ERROR) return Failure(what, its, {}, Place{each.topic, each.partition});
  }
  return {};
}

void KafkaConsumer::Impl::Drop() {
  batch.records.clear();
  for (rd_kafka_message_t* message : messages) rd_kafka_message_destroy(message);
  messages.clear();
}

void KafkaConsumer::Impl::Take(rd_kafka_message_t* message) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return TakeError(message);
  KafkaRecord record;
  record.topic = rd_kafka_topic_name(message->rkt);
  record.partition = message->partition;
  record.offset = message->offset;
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  record.timestamp_ms = rd_kafka_message_timestamp(message, &type);
  record.key = View(message->key, message->key_len);
  record.value = View(message->payload, message->len);
  record.message = message;
  ++stats.records;
  stats.bytes += message->key_len + message->len;
  batch.records.push_back(record);
}

void KafkaConsumer::Impl::TakeError(rd_kafka_message_t* message) {
  KafkaEvent event;
  Place place;
  if (message->rkt != nullptr) {
    place = Place{rd_kafka_topic_name(message->rkt), message->partition};
    event.partitions.push_back({place.topic, place.partition});
  }
  event.offset = message->offset;
  switch (message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      event.kind = Kind::kEnd;
      break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      event.kind = Kind::kOutOfRange;
      event.message = Text(fmt::format("there is no record at offset {} to read on from", message->offset),
                           message->err, rd_kafka_message_errstr(message), place);
      break;
    default:
      LookForFatal();
      event.kind = Kind::kError;
      event.fatal = !fatal().empty();
      event.message = Text("reading fails", message->err, rd_kafka_message_errstr(message), place);
  }
  batch.events.push_back(std::move(event));
}

void KafkaConsumer::Impl::Close(int timeout_ms) {
  if (rk() == nullptr || closing) return;
  closing = true;
  Drop();
  const kafka::Queue rest(rd_kafka_queue_new(rk()));
  const kafka::RdError error(rd_kafka_consumer_close_queue(rk(), rest.get()));
  // Whatever the answer, a consumer that closes gives all up by it. Without one it would never end.
  if (asked) rd_kafka_assign(rk(), nullptr);
  // Served in short steps: librdkafka does not say through the queue that it is done. What was fetched ahead comes
  // first, and counts for no wait: with a rebalance behind it that nobody serves, destroying the handle would wait for
  // ever.
  for (int waited_ms = 0;
       error == nullptr && rd_kafka_consumer_closed(rk()) == 0 && waited_ms < std::max(timeout_ms, kCloseStepMs);) {
    rd_kafka_message_t* message = nullptr;
    if (rd_kafka_consume_batch_queue(rest.get(), kCloseStepMs, &message, 1) == 1) {
      rd_kafka_message_destroy(message);
    } else {
      waited_ms += kCloseStepMs;
    }
  }
  queue.reset();
}

KafkaConsumer::KafkaConsumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaConsumer::~KafkaConsumer() = default;

Result<std::unique_ptr<KafkaConsumer>> KafkaConsumer::Open(Options options) {
  CHECK(!options.group.empty());
  const uint64_t bytes = options.queue_bytes;
  const kafka::NamesAndValues defaults = {
      // How long it takes to learn that there is no more; what comes is told at once.
      {"fetch.wait.max.ms", "100"},
      {"fetch.error.backoff.ms", "100"},
      // When the queue was full, fetching goes on this much later; the default of a second would leave it empty.
      {"fetch.queue.backoff.ms", "2"},
      // What one fetch brings is compressed, and taken apart at once.
      {"fetch.max.bytes", Bounded(bytes / 16, 512 << 10, 50 << 20)},
      {"max.partition.fetch.bytes", Bounded(bytes / 64, 128 << 10, 8 << 20)},
      {"receive.message.max.bytes", "268435456"},
  };
  const kafka::NamesAndValues decided = {
      {"group.id", options.group},
      {"partition.assignment.strategy", "cooperative-sticky"},
      {"isolation.level", "read_committed"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "error"},
      {"enable.partition.eof", "true"},
      // Half in records, half in their overhead.
      {"queued.min.messages", Bounded(bytes / 2 / kRecordOverhead, 100, 10'000'000)},
      {"queued.max.messages.kbytes", Bounded(bytes / 2 / 1024, 64, 2'000'000)},
      // Of the producers' properties; librdkafka holds it against fetch.max.bytes, for nothing.
      {"message.max.bytes", "1000"},
  };
  ASSIGN_OR_RETURN(kafka::Conf conf, kafka::MakeConf(options.properties, defaults, decided));
  auto impl = std::make_unique<Impl>(std::move(options));
  rd_kafka_conf_set_rebalance_cb(conf.get(), &Impl::OnRebalance);
  TRY(impl->Start(RD_KAFKA_CONSUMER, std::move(conf)));
  rd_kafka_poll_set_consumer(impl->rk());
  impl->queue.reset(rd_kafka_queue_get_consumer(impl->rk()));
  return std::unique_ptr<KafkaConsumer>(new KafkaConsumer(std::move(impl)));
}

Status KafkaConsumer::Subscribe(const std::vector<std::string>& topics) {
  std::vector<KafkaPartition> any;
  any.reserve(topics.size());
  for (const std::string& topic : topics) any.push_back({topic, RD_KAFKA_PARTITION_UA});
  const rd_kafka_resp_err_t err = rd_kafka_subscribe(impl_->rk(), kafka::MakeList(any).get());
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return impl_->Failure("cannot subscribe", err);
  return {};
}

Status KafkaConsumer::Add(const std::vector<KafkaOffset>& from, bool paused) {
  const PartitionList list = kafka::MakeList(from);
  constexpr const char* kWhat = "partitions cannot be read";
  impl_->asked = false;
  TRY(impl_->Answer(kWhat, rd_kafka_incremental_assign(impl_->rk(), list.get())));
  if (paused) TRY(impl_->Each(kWhat, rd_kafka_pause_partitions(impl_->rk(), list.get()), *list));
  return {};
}

Status KafkaConsumer::Remove(const std::vector<KafkaPartition>& partitions) {
  const PartitionList list = kafka::MakeList(partitions);
  impl_->asked = false;
  return impl_->Answer("partitions cannot be given up", rd_kafka_incremental_unassign(impl_->rk(), list.get()));
}

Status KafkaConsumer::Pause(const std::vector<KafkaPartition>& partitions) {
  const PartitionList list = kafka::MakeList(partitions);
  return impl_->Each("partitions cannot be paused", rd_kafka_pause_partitions(impl_->rk(), list.get()), *list);
}

Status KafkaConsumer::Resume(const std::vector<KafkaPartition>& partitions) {
  const PartitionList list = kafka::MakeList(partitions);
  return impl_->Each("partitions cannot be resumed", rd_kafka_resume_partitions(impl_->rk(), list.get()), *list);
}

Status KafkaConsumer::Seek(const KafkaOffset& to) {
  constexpr const char* kWhat = "cannot go to an offset";
  const PartitionList list = kafka::MakeList(std::vector<KafkaOffset>{to});
  TRY(impl_->Answer(kWhat, rd_kafka_seek_partitions(impl_->rk(), list.get(), kSeekMs)));
  if (list->elems[0].err != RD_KAFKA_RESP_ERR__STATE) return impl_->Each(kWhat, RD_KAFKA_RESP_ERR_NO_ERROR, *list);
  // Reading has stopped (kOutOfRange), or has not begun.
  list->elems[0].err = RD_KAFKA_RESP_ERR_NO_ERROR;
  TRY(impl_->Answer(kWhat, rd_kafka_incremental_unassign(impl_->rk(), list.get())));
  return impl_->Answer(kWhat, rd_kafka_incremental_assign(impl_->rk(), list.get()));
}

int64_t KafkaConsumer::Position(const KafkaPartition& partition) const {
  const PartitionList list = kafka::MakeList(std::vector<KafkaPartition>{partition});
  const rd_kafka_resp_err_t err = rd_kafka_position(impl_->rk(), list.get());
  const int64_t offset = list->elems[0].offset;
  return err == RD_KAFKA_RESP_ERR_NO_ERROR && offset >= 0 ? offset : kKafkaNone;
}

const KafkaBatch& KafkaConsumer::Poll(size_t most_records, int timeout_ms) {
  CHECK(most_records > 0);
  impl_->Drop();
  impl_->batch.events.clear();
  std::vector<rd_kafka_message_t*>& messages = impl_->messages;
  // One by one: rd_kafka_consume_batch_queue (2.12.1) takes the end of a partition for a record, so that after the next
  // pause or rebalance reading goes on one offset too far.
  for (int wait_ms = timeout_ms; messages.size() < most_records; wait_ms = 0) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(impl_->rk(), wait_ms);
    if (message == nullptr) break;
    messages.push_back(message);
    if (!impl_->rebalances.empty()) break;
  }
  for (rd_kafka_message_t* message : messages) impl_->Take(message);
  for (KafkaEvent& event : impl_->rebalances) impl_->batch.events.push_back(std::move(event));
  impl_->rebalances.clear();
  if (!impl_->batch.records.empty()) impl_->ForgetLastError();
  impl_->TellLog();
  return impl_->batch;
}

Result<std::vector<KafkaOffset>> KafkaConsumer::Committed(const std::vector<KafkaPartition>& partitions,
                                                          int timeout_ms) {
  const PartitionList list = kafka::MakeList(partitions);
  constexpr const char* kWhat = "where the group stands cannot be asked";
  const rd_kafka_resp_err_t err = rd_kafka_committed(impl_->rk(), list.get(), timeout_ms);
  TRY(impl_->Each(kWhat, err, *list));
  std::vector<KafkaOffset> offsets;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = list->elems[i];
    offsets.push_back({each.topic, each.partition, each.offset >= 0 ? each.offset : kKafkaNone});
  }
  return offsets;
}

Result<KafkaConsumer::Watermarks> KafkaConsumer::QueryWatermarks(const KafkaPartition& partition, int timeout_ms) {
  Watermarks marks;
  const rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(
      impl_->rk(), partition.topic.c_str(), partition.partition, &marks.low, &marks.high, timeout_ms);
  if (err == RD_KAFKA_RESP_ERR_NO_ERROR) return marks;
  return impl_->Failure("the ends of a partition cannot be asked", err, {},
                        Place{partition.topic, partition.partition});
}

int64_t KafkaConsumer::KnownEnd(const KafkaPartition& partition) const {
  int64_t low = 0;
  int64_t high = 0;
  const rd_kafka_resp_err_t err =
      rd_kafka_get_watermark_offsets(impl_->rk(), partition.topic.c_str(), partition.partition, &low, &high);
  return err == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 ? high : kKafkaNone;
}

Result<std::vector<KafkaOffset>> KafkaConsumer::OffsetsForTime(const std::vector<KafkaPartition>& partitions,
                                                               int64_t time_ms, int timeout_ms) {
  const PartitionList list = kafka::MakeList(partitions);
  for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = time_ms;
  constexpr const char* kWhat = "offsets of a time cannot be asked";
  TRY(impl_->Each(kWhat, rd_kafka_offsets_for_times(impl_->rk(), list.get(), timeout_ms), *list));
  std::vector<KafkaOffset> offsets;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = list->elems[i];
    offsets.push_back({each.topic, each.partition, each.offset >= 0 ? each.offset : kKafkaEnd});
  }
  return offsets;
}

KafkaGroupMetadata KafkaConsumer::GroupMetadata() const {
  KafkaGroupMetadata::Handle handle(rd_kafka_consumer_group_metadata(impl_->rk()));
  CHECK(handle != nullptr);  // there is always a group.id
  return KafkaGroupMetadata(std::move(handle));
}

void KafkaGroupMetadata::Destroy::operator()(rd_kafka_consumer_group_metadata_s* metadata) const {
  rd_kafka_consumer_group_metadata_destroy(metadata);
}

void KafkaConsumer::Close(int timeout_ms) {
  impl_->Close(timeout_ms);
}

KafkaConsumer::Stats KafkaConsumer::stats() const {
  Stats stats = impl_->stats;
  stats.last_error = impl_->last_error();
  stats.errors = impl_->errors();
  return stats;
}

}  // namespace braid
