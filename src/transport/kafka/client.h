// What producer, consumer and admin have in common: a handle of librdkafka, how it is configured, and what it says.
// Inside this room only: others include producer.h, consumer.h or admin.h.
#pragma once

#include <rdkafka.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "transport/kafka/properties.h"

namespace braid::kafka {

template <auto kDestroy>
struct Destroyer {
  template <typename T>
  void operator()(T* owned) const {
    kDestroy(owned);
  }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, Destroyer<rd_kafka_conf_destroy>>;
using PartitionList =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Destroyer<rd_kafka_topic_partition_list_destroy>>;
using RdError = std::unique_ptr<rd_kafka_error_t, Destroyer<rd_kafka_error_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Destroyer<rd_kafka_queue_destroy>>;

using NamesAndValues = std::vector<std::pair<std::string, std::string>>;

// `defaults`, then the user's properties, then `decided`, which the user cannot change.
Result<Conf> MakeConf(const KafkaProperties& properties, const NamesAndValues& defaults, const NamesAndValues& decided);

PartitionList MakeList(const std::vector<KafkaPartition>& partitions);
PartitionList MakeList(const std::vector<KafkaOffset>& offsets);
std::vector<KafkaPartition> Partitions(const rd_kafka_topic_partition_list_t& list);

// What an error is about, for its text. What is not known stays empty or negative.
struct Place {
  std::string topic;
  int32_t partition = -1;
};

// The handle is made by Start; it never outlives this object. librdkafka's threads only ever append to the log lines
// kept here. Everything else is for the caller's thread.
class Client {
 public:
  Client(KafkaProperties properties, KafkaLog log) : properties_(std::move(properties)), log_(std::move(log)) {}
  virtual ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Status Start(rd_kafka_type_t type, Conf conf);

  // Hands what librdkafka said to the log.
  void TellLog();

  // "Kafka at BROKERS: WHAT (topic …, partition …): WORDS (NAME); what to do". Without WORDS, librdkafka's for `err`.
  std::string Text(const std::string& what, rd_kafka_resp_err_t err, std::string_view words = {},
                   const Place& place = {}) const;
  // A Status of the code that fits `err`.
  Error Failure(const std::string& what, rd_kafka_resp_err_t err, std::string_view words = {},
                const Place& place = {}) const;

  // Destroys the handle; `flags` as of rd_kafka_destroy_flags.
  void Stop(int flags);

  // Why this client can go on no more, "" if it can.
  const std::string& fatal() const { return fatal_; }
  void SetFatal(std::string why);
  // Asks librdkafka whether it has given up.
  void LookForFatal();

  rd_kafka_t* rk() const { return rk_; }
  const KafkaProperties& properties() const { return properties_; }
  uint64_t errors() const { return errors_; }
  const std::string& last_error() const { return last_error_; }
  // Brokers do what they are asked: what was said before is over.
  void ForgetLastError() { last_error_.clear(); }

 private:
  struct Line {
    bool alarm;
    std::string text;
    uint64_t more = 0;  // times that it was said again at once
  };

  static void OnLog(const rd_kafka_t* rk, int level, const char* facility, const char* text);
  static void OnError(rd_kafka_t* rk, int code, const char* reason, void* self);

  const KafkaProperties properties_;
  const KafkaLog log_;
  rd_kafka_t* rk_ = nullptr;
  std::string fatal_;
  std::string last_error_;
  uint64_t errors_ = 0;

  std::mutex mutex_;  // for what follows
  std::deque<Line> lines_;
  uint64_t lines_lost_ = 0;
};

}  // namespace braid::kafka
