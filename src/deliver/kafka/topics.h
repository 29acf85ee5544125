// The topics of streams: made when they are first needed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "deliver/kafka/kafka_stream.h"
#include "transport/kafka/admin.h"

namespace braid {

// What a topic is made with, as Kafka's configs say it.
KafkaTopic TopicConfigOf(const std::string& name, const KafkaStream& stream, int replicas);

// For one thread.
class StreamTopics {
 public:
  // `admin` must outlive it. `replicas`: of topics that are made here; -1: the brokers' default.
  StreamTopics(KafkaAdmin* admin, int replicas) : admin_(admin), replicas_(replicas) {}

  // How many partitions the topic has, which is made if it is not there; one that is there is left as it is. Asks the
  // brokers once for each topic, and waits for them. Errors: those of KafkaAdmin.
  Result<int32_t> Ensure(const std::string& topic, const KafkaStream& stream);

 private:
  KafkaAdmin* const admin_;
  const int replicas_;
  std::map<std::string, int32_t> partitions_;
};

}  // namespace braid
