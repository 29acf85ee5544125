#include "transport/kafka/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace braid::kafka {

namespace {

constexpr size_t kMostLines = 200;
constexpr int kSyslogWarning = 4;

// What the clients decide themselves: their promises rest on it. With the aliases.
constexpr std::array kDecided = {"acks",
                                 "request.required.acks",
                                 "enable.idempotence",
                                 "enable.gapless.guarantee",
                                 "transactional.id",
                                 "transaction.timeout.ms",
                                 "message.timeout.ms",
                                 "delivery.timeout.ms",
                                 "queue.buffering.max.messages",
                                 "queue.buffering.max.kbytes",
                                 "queued.min.messages",
                                 "queued.max.messages.kbytes",
                                 "group.id",
                                 "group.protocol",
                                 "partition.assignment.strategy",
                                 "isolation.level",
                                 "enable.auto.commit",
                                 "enable.auto.offset.store",
                                 "auto.offset.reset",
                                 "enable.partition.eof",
                                 "enabled_events",
                                 "delivery.report.only.error",
                                 "log.queue"};

// What somebody who reads this error, with librdkafka's `words` for it, can do.
const char* Advice(rd_kafka_resp_err_t err, std::string_view words) {
  // A handshake that failed at once is told as a lost connection.
  if (err == RD_KAFKA_RESP_ERR__TRANSPORT && words.find("SSL routines") != words.npos) err = RD_KAFKA_RESP_ERR__SSL;
  switch (err) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
      return "is Kafka running, and is bootstrap.servers right?";
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return "check security.protocol and the sasl. properties";
    case RD_KAFKA_RESP_ERR__SSL:
      return "check security.protocol and the ssl. properties";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return "give this right to Kafka's user that Braid connects as";
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return "was the topic deleted, or made anew with fewer partitions?";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return "raise the topic's max.message.bytes, and message.max.bytes of the properties";
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
      return "too few replicas are in sync: start the brokers that are down";
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
      return "start more brokers, or ask for fewer replicas";
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      return "another producer with the same transactional id has taken over";
    default:
      return "";
  }
}

ErrorCode CodeOf(rd_kafka_resp_err_t err) {
  switch (err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return ErrorCode::kNotFound;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return ErrorCode::kInvalidArgument;
    default:
      return ErrorCode::kTransient;
  }
}

// librdkafka's own words for a value that it refuses would show the value.
Status SetProperty(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char words[512];
  switch (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), words, sizeof(words))) {
    case RD_KAFKA_CONF_OK:
      return {};
    case RD_KAFKA_CONF_UNKNOWN:
      return InvalidArgument(fmt::format("\"{}\" is no property of librdkafka {}: see its CONFIGURATION.md", name,
                                         rd_kafka_version_str()));
    default:
      return InvalidArgument(
          fmt::format("the value of the property \"{}\" is none that librdkafka {} takes: see its CONFIGURATION.md",
                      name, rd_kafka_version_str()));
  }
}

}  // namespace

Result<Conf> MakeConf(const KafkaProperties& properties, const NamesAndValues& defaults,
                      const NamesAndValues& decided) {
  if (properties.brokers().empty()) {
    return InvalidArgument("no brokers of Kafka: set the property \"bootstrap.servers\" to host:port[,host:port…]");
  }
  Conf conf(rd_kafka_conf_new());
  // For every client; what a user sets comes later.
  TRY(SetProperty(conf.get(), "client.id", "braid"));
  TRY(SetProperty(conf.get(), "socket.keepalive.enable", "true"));
  // Some calls wait for an answer longer than they are told to; 60 s, the default, is long for whoever calls.
  TRY(SetProperty(conf.get(), "socket.timeout.ms", "10000"));
  TRY(SetProperty(conf.get(), "reconnect.backoff.max.ms", "2000"));
  TRY(SetProperty(conf.get(), "log.thread.name", "false"));
  for (const auto& [name, value] : defaults) TRY(SetProperty(conf.get(), name, value));
  for (const auto& [name, value] : properties.values()) {
    if (std::find(kDecided.begin(), kDecided.end(), name) != kDecided.end()) {
      return InvalidArgument(fmt::format("the property \"{}\" is Braid's own to set: leave it out", name));
    }
    TRY(SetProperty(conf.get(), name, value));
  }
  for (const auto& [name, value] : decided) TRY(SetProperty(conf.get(), name, value));
  return conf;
}

PartitionList MakeList(const std::vector<KafkaPartition>& partitions) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const KafkaPartition& each : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), each.topic.c_str(), each.partition);
  }
  return list;
}

PartitionList MakeList(const std::vector<KafkaOffset>& offsets) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const KafkaOffset& each : offsets) {
    rd_kafka_topic_partition_list_add(list.get(), each.topic.c_str(), each.partition)->offset = each.offset;
  }
  return list;
}

std::vector<KafkaPartition> Partitions(const rd_kafka_topic_partition_list_t& list) {
  std::vector<KafkaPartition> partitions;
  partitions.reserve(static_cast<size_t>(list.cnt));
  for (int i = 0; i < list.cnt; ++i) partitions.push_back({list.elems[i].topic, list.elems[i].partition});
  return partitions;
}

Client::~Client() {
  Stop(0);
}

Status Client::Start(rd_kafka_type_t type, Conf conf) {
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_log_cb(conf.get(), &Client::OnLog);
  rd_kafka_conf_set_error_cb(conf.get(), &Client::OnError);
  char words[512] = "";
  rk_ = rd_kafka_new(type, conf.get(), words, sizeof(words));
  if (rk_ == nullptr) {
    return InvalidArgument(properties_.Redacted(fmt::format("Kafka at {}: the properties do not go together: {}",
                                                            properties_.brokers(), static_cast<const char*>(words))));
  }
  static_cast<void>(conf.release());  // it is the handle's now
  return {};
}

void Client::Stop(int flags) {
  if (rk_ == nullptr) return;
  rd_kafka_destroy_flags(rk_, flags);
  rk_ = nullptr;
  TellLog();
}

void Client::OnLog(const rd_kafka_t* rk, int level, const char* facility, const char* text) {
  // Before there is a handle, what matters is in the error that rd_kafka_new returns.
  auto* self = rk == nullptr ? nullptr : static_cast<Client*>(rd_kafka_opaque(rk));
  if (self == nullptr || !self->log_) return;
  std::string_view said(text);
  // One set of properties serves producers and consumers.
  if (said.find("property and will be ignored by this") != std::string_view::npos) return;
  if (said.find("enable.gapless.guarantee is experimental") != std::string_view::npos) return;
  std::string line = self->properties_.Redacted(fmt::format("librdkafka: {} ({})", said, facility));
  const std::lock_guard lock(self->mutex_);
  if (!self->lines_.empty() && self->lines_.back().text == line) {
    ++self->lines_.back().more;
  } else if (self->lines_.size() < kMostLines) {
    self->lines_.push_back({level <= kSyslogWarning, std::move(line)});
  } else {
    ++self->lines_lost_;
  }
}

void Client::OnError(rd_kafka_t* /*rk*/, int code, const char* reason, void* self) {
  auto* client = static_cast<Client*>(self);
  const auto err = static_cast<rd_kafka_resp_err_t>(code);
  ++client->errors_;
  if (err == RD_KAFKA_RESP_ERR__FATAL) {
    client->LookForFatal();
  } else if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || client->last_error_.empty()) {
    // That none is left says less than why the last one went.
    client->last_error_ = client->Text("no answer", err, reason);
  }
}

void Client::TellLog() {
  if (!log_) return;
  std::deque<Line> lines;
  uint64_t lost = 0;
  {
    const std::lock_guard lock(mutex_);
    if (lines_.empty()) return;
    lines.swap(lines_);
    std::swap(lost, lines_lost_);
  }
  for (const Line& line : lines) {
    log_(line.alarm, line.more == 0 ? line.text : fmt::format("{} ({} more times)", line.text, line.more));
  }
  if (lost > 0) log_(true, fmt::format("librdkafka: {} more lines at once, which were not kept", lost));
}

std::string Client::Text(const std::string& what, rd_kafka_resp_err_t err, std::string_view words,
                         const Place& place) const {
  std::string text = fmt::format("Kafka at {}: {}", properties_.brokers(), what);
  if (!place.topic.empty() && place.partition >= 0) {
    text += fmt::format(" (topic {}, partition {})", place.topic, place.partition);
  } else if (!place.topic.empty()) {
    text += fmt::format(" (topic {})", place.topic);
  }
  text +=
      fmt::format(": {} ({})", words.empty() ? std::string_view(rd_kafka_err2str(err)) : words, rd_kafka_err2name(err));
  if (const char* advice = Advice(err, words); *advice != '\0') text += fmt::format("; {}", advice);
  return properties_.Redacted(std::move(text));
}

Error Client::Failure(const std::string& what, rd_kafka_resp_err_t err, std::string_view words,
                      const Place& place) const {
  return Error{CodeOf(err), Text(what, err, words, place)};
}

void Client::SetFatal(std::string why) {
  fatal_ = std::move(why);
}

void Client::LookForFatal() {
  if (!fatal_.empty() || rk_ == nullptr) return;
  char words[512];
  const rd_kafka_resp_err_t err = rd_kafka_fatal_error(rk_, words, sizeof(words));
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    SetFatal(Text("this client cannot go on, another one is needed", err, words));
  }
}

}  // namespace braid::kafka
