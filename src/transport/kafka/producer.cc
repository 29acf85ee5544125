#include "transport/kafka/producer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <iterator>
#include <unordered_map>

#include "base/check.h"
#include "transport/kafka/client.h"

namespace braid {

namespace {

using kafka::Place;
using Kind = KafkaTransactionResult::Kind;

// librdkafka's, for each record that waits: its own structure, malloc's, and what a header needs.
constexpr uint64_t kRecordOverhead = 208;
constexpr uint64_t kHeaderOverhead = 64;
// A bound for the tables of counts; Kafka itself does not get near.
constexpr int32_t kMostPartitions = 1'000'000;
constexpr int16_t kEndTxnApi = 26;
constexpr int kDrainStepMs = 10;

uint64_t BatchBytes(const rd_kafka_conf_t* conf) {
  std::array<char, 32> text{};
  size_t size = text.size();
  CHECK(rd_kafka_conf_get(conf, "batch.size", text.data(), &size) == RD_KAFKA_CONF_OK);
  return std::strtoull(text.data(), nullptr, 10);
}

}  // namespace

struct KafkaProducer::Impl : kafka::Client {
  struct Counts {
    uint64_t produced = 0;
    uint64_t acked = 0;
    int64_t last_offset = kKafkaNone;
    uint64_t held_bytes = 0;  // keys and values of what is neither acknowledged nor given up
  };
  struct Topic {
    std::unique_ptr<rd_kafka_topic_t, kafka::Destroyer<rd_kafka_topic_destroy>> handle;
    std::vector<Counts> partitions;
  };

  explicit Impl(Options options)
      : Client(std::move(options.properties), std::move(options.log)),
        transactional(!options.transactional_id.empty()),
        queue_bytes(options.queue_bytes) {}

  ~Impl() override {
    if (rk() == nullptr) return;
    rd_kafka_purge(rk(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    topics.clear();  // before the handle that they are of
    Stop(0);
  }

  static void OnDelivery(rd_kafka_t* rk, const rd_kafka_message_t* record, void* opaque);
  static rd_kafka_resp_err_t OnNew(rd_kafka_t* rk, const rd_kafka_conf_t* conf, void* opaque, char* words, size_t size);
  static rd_kafka_resp_err_t OnResponse(rd_kafka_t* rk, int socket, const char* broker, int32_t broker_id, int16_t api,
                                        int16_t version, int32_t correlation, size_t size, int64_t rtt,
                                        rd_kafka_resp_err_t err, void* opaque);

  Topic& TopicOf(const std::string& name);
  Counts* CountsOf(const std::string& name, int32_t partition);
  bool HasFullBatch() const;
  rd_kafka_resp_err_t Send(rd_kafka_topic_t* topic, int32_t partition, std::optional<std::string_view> key,
                           std::optional<std::string_view> value, std::span<const KafkaHeader> headers,
                           int64_t timestamp_ms, uint64_t cost);
  Status Standing();
  KafkaTransactionResult ResultOf(const char* what, rd_kafka_error_t* raw, Kind if_it_took_too_long);

  const bool transactional;
  const uint64_t queue_bytes;
  std::unordered_map<std::string, std::unique_ptr<Topic>> topics;
  // Why the broker did not take a record. librdkafka goes on after an abort, but has been seen to go on with a gap in
  // its sequence numbers, which the broker refuses again.
  std::string refused;
  uint64_t held_bytes = 0;  // of what is produced and not acknowledged
  bool full = false;        // the last record was not taken
  uint64_t batch_bytes = 0;
  Stats stats;
  // A request that ends a transaction got no answer, and was sent again: the first one may still be carried out,
  // whatever came of the second. Set by a thread of librdkafka.
  std::atomic<bool> end_in_doubt = false;
};

void KafkaProducer::Impl::OnDelivery(rd_kafka_t* /*rk*/, const rd_kafka_message_t* record, void* opaque) {
  auto* self = static_cast<Impl*>(static_cast<Client*>(opaque));
  self->held_bytes -= reinterpret_cast<uintptr_t>(record->_private);
  Counts& counts = static_cast<Topic*>(rd_kafka_topic_opaque(record->rkt))->partitions[record->partition];
  counts.held_bytes -= record->len + record->key_len;
  // Behind a gap nothing counts.
  const bool gap = !self->transactional && !self->fatal().empty();
  if (record->err == RD_KAFKA_RESP_ERR_NO_ERROR && !gap) {
    ++counts.acked;
    counts.last_offset = record->offset;
    ++self->stats.acked;
    return;
  }
  ++self->stats.failed;
  const bool purged = record->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || record->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
  if (purged || record->err == RD_KAFKA_RESP_ERR_NO_ERROR || !self->refused.empty()) return;
  // Not rd_kafka_message_errstr: of a producer's record that is the record itself.
  self->refused = self->Text("a record cannot be produced", record->err, {},
                             Place{rd_kafka_topic_name(record->rkt), record->partition});
  // In a transaction librdkafka sees to it that it is not committed. Else this says more than what came of it.
  if (!self->transactional) self->SetFatal(self->refused);
}

rd_kafka_resp_err_t KafkaProducer::Impl::OnNew(rd_kafka_t* rk, const rd_kafka_conf_t* /*conf*/, void* opaque,
                                               char* /*words*/, size_t /*size*/) {
  return rd_kafka_interceptor_add_on_response_received(rk, "braid", &OnResponse, opaque);
}

rd_kafka_resp_err_t KafkaProducer::Impl::OnResponse(rd_kafka_t* /*rk*/, int /*socket*/, const char* /*broker*/,
                                                    int32_t /*broker_id*/, int16_t api, int16_t /*version*/,
                                                    int32_t /*correlation*/, size_t /*size*/, int64_t /*rtt*/,
                                                    rd_kafka_resp_err_t err, void* opaque) {
  if (api == kEndTxnApi && err != RD_KAFKA_RESP_ERR_NO_ERROR) static_cast<Impl*>(opaque)->end_in_doubt = true;
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

KafkaProducer::Impl::Topic& KafkaProducer::Impl::TopicOf(const std::string& name) {
  std::unique_ptr<Topic>& topic = topics[name];
  if (topic == nullptr) {
    topic = std::make_unique<Topic>();
    rd_kafka_topic_conf_t* conf = rd_kafka_default_topic_conf_dup(rk());
    rd_kafka_topic_conf_set_opaque(conf, topic.get());
    topic->handle.reset(rd_kafka_topic_new(rk(), name.c_str(), conf));
    CHECK(topic->handle != nullptr);  // only a conf that cannot be is refused, and the handle has taken this one
  }
  return *topic;
}

KafkaProducer::Impl::Counts* KafkaProducer::Impl::CountsOf(const std::string& name, int32_t partition) {
  const auto found = topics.find(name);
  if (found == topics.end()) return nullptr;
  std::vector<Counts>& partitions = found->second->partitions;
  return partition >= 0 && static_cast<size_t>(partition) < partitions.size() ? &partitions[partition] : nullptr;
}

// Whether more of a partition waits, or is under way, than librdkafka would keep back.
bool KafkaProducer::Impl::HasFullBatch() const {
  return std::ranges::any_of(topics, [&](const auto& topic) {
    return std::ranges::any_of(topic.second->partitions,
                               [&](const Counts& counts) { return counts.held_bytes >= batch_bytes; });
  });
}

rd_kafka_resp_err_t KafkaProducer::Impl::Send(rd_kafka_topic_t* topic, int32_t partition,
                                              std::optional<std::string_view> key,
                                              std::optional<std::string_view> value,
                                              std::span<const KafkaHeader> headers, int64_t timestamp_ms,
                                              uint64_t cost) {
  // librdkafka tells nothing from empty by the pointer.
  const auto pointer = [](const std::optional<std::string_view>& bytes) {
    return !bytes ? nullptr : const_cast<char*>(bytes->data() == nullptr ? "" : bytes->data());
  };
  const auto length = [](const std::optional<std::string_view>& bytes) { return bytes ? bytes->size() : 0; };
  // It carries a number, and points nowhere.
  auto* opaque = reinterpret_cast<void*>(  // NOLINT(performance-no-int-to-ptr)
      static_cast<uintptr_t>(cost));
  if (headers.empty() && timestamp_ms == 0) {
    const int status = rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, pointer(value), length(value),
                                        pointer(key), length(key), opaque);
    return status == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
  }
  rd_kafka_headers_t* list = nullptr;
  if (!headers.empty()) {
    list = rd_kafka_headers_new(headers.size());
    for (const KafkaHeader& header : headers) {
      rd_kafka_header_add(list, header.name.data(), static_cast<ssize_t>(header.name.size()), header.value.data(),
                          static_cast<ssize_t>(header.value.size()));
    }
  }
  const rd_kafka_vu_t fields[] = {
      {.vtype = RD_KAFKA_VTYPE_RKT, .u = {.rkt = topic}},
      {.vtype = RD_KAFKA_VTYPE_PARTITION, .u = {.i32 = partition}},
      {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u = {.i = RD_KAFKA_MSG_F_COPY}},
      {.vtype = RD_KAFKA_VTYPE_KEY, .u = {.mem = {pointer(key), length(key)}}},
      {.vtype = RD_KAFKA_VTYPE_VALUE, .u = {.mem = {pointer(value), length(value)}}},
      {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u = {.i64 = timestamp_ms}},
      {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u = {.ptr = opaque}},
      {.vtype = RD_KAFKA_VTYPE_HEADERS, .u = {.headers = list}},
  };
  const kafka::RdError error(rd_kafka_produceva(rk(), fields, std::size(fields)));
  const rd_kafka_resp_err_t err = rd_kafka_error_code(error.get());
  // Taken over only with the record.
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR && list != nullptr) rd_kafka_headers_destroy(list);
  return err;
}

// After every call into librdkafka that serves what it has to say.
Status KafkaProducer::Impl::Standing() {
  LookForFatal();
  TellLog();
  if (!fatal().empty()) return Error{ErrorCode::kTransient, fatal()};
  return {};
}

KafkaTransactionResult KafkaProducer::Impl::ResultOf(const char* what, rd_kafka_error_t* raw,
                                                     Kind if_it_took_too_long) {
  const kafka::RdError error(raw);
  LookForFatal();
  TellLog();
  if (error == nullptr) return {};
  KafkaTransactionResult result;
  result.message = Text(what, rd_kafka_error_code(raw), rd_kafka_error_string(raw));
  if (rd_kafka_error_is_fatal(raw) != 0 || !fatal().empty()) {
    if (fatal().empty()) SetFatal(result.message);
    result.kind = Kind::kRenew;
  } else if (!refused.empty()) {
    result = {Kind::kRenew, refused};
  } else if (rd_kafka_error_txn_requires_abort(raw) != 0) {
    result.kind = Kind::kAbort;
  } else if (rd_kafka_error_is_retriable(raw) != 0) {
    result.kind = if_it_took_too_long;
  } else {
    // librdkafka's own advice for errors that are none of the three.
    result.kind = Kind::kRenew;
  }
  return result;
}

KafkaProducer::KafkaProducer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaProducer::~KafkaProducer() = default;

Result<std::unique_ptr<KafkaProducer>> KafkaProducer::Open(Options options) {
  kafka::NamesAndValues defaults = {
      {"compression.type", "lz4"},
      {"linger.ms", std::to_string(options.linger_ms)},
      {"message.max.bytes", "67108864"},
  };
  // The bound in bytes is kept here, where records of any size get through an empty queue.
  kafka::NamesAndValues decided = {
      {"enable.idempotence", "true"},
      {"acks", "all"},
      {"queue.buffering.max.messages", "0"},
      {"queue.buffering.max.kbytes", "2147483647"},
  };
  if (options.transactional_id.empty()) {
    decided.emplace_back("enable.gapless.guarantee", "true");
    decided.emplace_back("message.timeout.ms", "0");
  } else {
    // When a group's coordinator dies, rd_kafka_send_offsets_to_transaction (2.12.1) may wait without an end: it looks
    // for the new one only when some connection comes or goes, and none does while it waits. So those that are idle go,
    // and the brokers' metadata are asked for soon.
    defaults.emplace_back("topic.metadata.refresh.interval.ms", "2000");
    decided.emplace_back("connections.max.idle.ms", "3000");
    decided.emplace_back("transactional.id", options.transactional_id);
    decided.emplace_back("transaction.timeout.ms", std::to_string(options.transaction_timeout_ms));
  }
  ASSIGN_OR_RETURN(kafka::Conf conf, kafka::MakeConf(options.properties, defaults, decided));
  auto impl = std::make_unique<Impl>(std::move(options));
  impl->batch_bytes = BatchBytes(conf.get());
  rd_kafka_conf_set_dr_msg_cb(conf.get(), &Impl::OnDelivery);
  rd_kafka_conf_interceptor_add_on_new(conf.get(), "braid", &Impl::OnNew, impl.get());
  TRY(impl->Start(RD_KAFKA_PRODUCER, std::move(conf)));
  return std::unique_ptr<KafkaProducer>(new KafkaProducer(std::move(impl)));
}

Result<bool> KafkaProducer::Produce(const std::string& topic, int32_t partition, std::optional<std::string_view> key,
                                    std::optional<std::string_view> value, std::span<const KafkaHeader> headers,
                                    int64_t timestamp_ms) {
  CHECK(partition >= 0);
  if (failed()) return Error{ErrorCode::kTransient, impl_->fatal()};
  uint64_t cost = kRecordOverhead + (key ? key->size() : 0) + (value ? value->size() : 0);
  for (const KafkaHeader& header : headers) cost += kHeaderOverhead + header.name.size() + header.value.size();
  impl_->full = impl_->held_bytes > 0 && impl_->held_bytes + cost > impl_->queue_bytes;
  if (impl_->full) return false;

  const Place place{topic, partition};
  if (partition >= kMostPartitions) {
    return impl_->Failure("a record cannot be produced", RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, {}, place);
  }
  Impl::Topic& to = impl_->TopicOf(topic);
  if (to.partitions.size() <= static_cast<size_t>(partition)) to.partitions.resize(partition + 1);
  const rd_kafka_resp_err_t err = impl_->Send(to.handle.get(), partition, key, value, headers, timestamp_ms, cost);
  switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      impl_->held_bytes += cost;
      ++to.partitions[partition].produced;
      to.partitions[partition].held_bytes += (key ? key->size() : 0) + (value ? value->size() : 0);
      ++impl_->stats.produced;
      return true;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return false;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return Error{ErrorCode::kInvalidArgument, impl_->Text("a record cannot be produced", err, {}, place)};
    default:
      impl_->LookForFatal();
      return Error{ErrorCode::kTransient, impl_->Text("no record can be produced now", err, {}, place)};
  }
}

Status KafkaProducer::Poll(int timeout_ms) {
  const uint64_t acked = impl_->stats.acked;
  rd_kafka_poll(impl_->rk(), impl_->full ? timeout_ms / 2 : timeout_ms);
  // Nothing moves in a full queue of batches that are not full.
  if (impl_->full && impl_->stats.acked == acked) rd_kafka_flush(impl_->rk(), timeout_ms - timeout_ms / 2);
  if (impl_->stats.acked > acked) impl_->ForgetLastError();
  return impl_->Standing();
}

Status KafkaProducer::Flush(int timeout_ms) {
  // While it flushes, everything is due: so first what goes by itself, then the rest, at once. Only standing still
  // counts as waiting.
  int waited_ms = 0;
  while (impl_->HasFullBatch() && waited_ms < timeout_ms) {
    const uint64_t done = impl_->stats.acked + impl_->stats.failed;
    rd_kafka_poll(impl_->rk(), kDrainStepMs);
    if (impl_->stats.acked + impl_->stats.failed == done) waited_ms += kDrainStepMs;
  }
  const rd_kafka_resp_err_t err = rd_kafka_flush(impl_->rk(), std::max(timeout_ms - waited_ms, 0));
  TRY(impl_->Standing());
  const Stats now = stats();
  if (now.queued == 0) {
    impl_->ForgetLastError();
    return {};
  }
  return Error{ErrorCode::kTransient,
               impl_->Text(fmt::format("{} records are not acknowledged after {} ms", now.queued, timeout_ms), err,
                           now.last_error)};
}

bool KafkaProducer::failed() const {
  return !impl_->fatal().empty();
}

uint64_t KafkaProducer::Produced(const std::string& topic, int32_t partition) const {
  const Impl::Counts* counts = impl_->CountsOf(topic, partition);
  return counts == nullptr ? 0 : counts->produced;
}

uint64_t KafkaProducer::Acked(const std::string& topic, int32_t partition) const {
  const Impl::Counts* counts = impl_->CountsOf(topic, partition);
  return counts == nullptr ? 0 : counts->acked;
}

int64_t KafkaProducer::LastAckedOffset(const std::string& topic, int32_t partition) const {
  const Impl::Counts* counts = impl_->CountsOf(topic, partition);
  return counts == nullptr ? kKafkaNone : counts->last_offset;
}

KafkaProducer::Stats KafkaProducer::stats() const {
  Stats stats = impl_->stats;
  stats.queued = stats.produced - stats.acked - stats.failed;
  stats.queued_bytes = impl_->held_bytes;
  stats.last_error = impl_->last_error();
  stats.errors = impl_->errors();
  return stats;
}

KafkaTransactionResult KafkaProducer::Init(int timeout_ms) {
  CHECK(impl_->transactional);
  rd_kafka_error_t* error = rd_kafka_init_transactions(impl_->rk(), timeout_ms);
  // What went wrong meanwhile says more than that it took too long.
  rd_kafka_poll(impl_->rk(), 0);
  KafkaTransactionResult result = impl_->ResultOf("transactions cannot begin", error, Kind::kAgain);
  if (result.kind == Kind::kAgain && !impl_->last_error().empty()) result.message = impl_->last_error();
  return result;
}

KafkaTransactionResult KafkaProducer::Begin() {
  CHECK(impl_->transactional);
  if (failed()) return {Kind::kRenew, impl_->fatal()};
  if (!impl_->refused.empty()) return {Kind::kRenew, impl_->refused};
  if (impl_->end_in_doubt) {
    return {Kind::kRenew, impl_->Text("a request that ended a transaction was not answered and may still arrive",
                                      RD_KAFKA_RESP_ERR__TIMED_OUT)};
  }
  return impl_->ResultOf("a transaction cannot begin", rd_kafka_begin_transaction(impl_->rk()), Kind::kRenew);
}

KafkaTransactionResult KafkaProducer::SendOffsets(const std::vector<KafkaOffset>& offsets,
                                                  const KafkaGroupMetadata& group, int timeout_ms) {
  CHECK(impl_->transactional);
  const kafka::PartitionList list = kafka::MakeList(offsets);
  return impl_->ResultOf("offsets cannot be committed",
                         rd_kafka_send_offsets_to_transaction(impl_->rk(), list.get(), group.get(), timeout_ms),
                         Kind::kAbort);
}

KafkaTransactionResult KafkaProducer::Commit(int timeout_ms) {
  CHECK(impl_->transactional);
  // First all records, in a step of its own: as long as no request to commit was sent, what goes wrong is no riddle.
  const int half_ms = std::max(timeout_ms / 2, 1);
  const Status flushed = Flush(half_ms);
  if (failed()) return {Kind::kRenew, impl_->fatal()};
  if (!flushed.has_value()) return {Kind::kAbort, flushed.error().message};
  return impl_->ResultOf("a transaction cannot be committed", rd_kafka_commit_transaction(impl_->rk(), half_ms),
                         Kind::kRenew);
}

KafkaTransactionResult KafkaProducer::Abort(int timeout_ms) {
  CHECK(impl_->transactional);
  KafkaTransactionResult result = impl_->ResultOf("a transaction cannot be aborted",
                                                  rd_kafka_abort_transaction(impl_->rk(), timeout_ms), Kind::kRenew);
  if (!result.ok()) result.kind = Kind::kRenew;
  return result;
}

}  // namespace braid
