// Topics: makes them, and says what there is. And groups: who has what.
//
// For one thread. Every call waits for brokers, up to its timeout.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "transport/kafka/properties.h"

namespace braid {

struct KafkaTopic {
  std::string name;
  int32_t partitions = 1;
  int replication = -1;                                      // -1: the broker's default
  std::vector<std::pair<std::string, std::string>> configs;  // Kafka's names: cleanup.policy, retention.ms, …
};

// A group of consumers, as its coordinator sees it.
struct KafkaGroup {
  enum class State {
    kNobody,     // it has no members
    kGathering,  // all members are to join again, and those that have not are waited for
    kSharing,    // one of them says what each one gets
    kStable,     // that stands, until somebody comes or goes
  };
  State state = State::kNobody;
  std::set<KafkaPartition> given;  // to any member
};

class KafkaAdmin {
 public:
  struct Options {
    KafkaProperties properties;
    KafkaLog log;  // may be empty
  };

  // Needs no broker. Errors: kInvalidArgument, a property that cannot be.
  static Result<std::unique_ptr<KafkaAdmin>> Open(Options options);
  ~KafkaAdmin();
  KafkaAdmin(const KafkaAdmin&) = delete;
  KafkaAdmin& operator=(const KafkaAdmin&) = delete;

  // Whether a broker answers. kTransient if none does, with what librdkafka said of each try.
  Status CheckReachable(int timeout_ms);

  // Makes the topics that are not there. Of one that is, only the number of partitions is looked at: where that
  // differs, kInvalidArgument. Its configs stay as they are. Then waits until brokers know the topics. Errors besides:
  // kTransient (no broker answers, or too few for the replication); kInvalidArgument (a config that Kafka does not
  // take, or no right to make topics).
  Status CreateTopics(const std::vector<KafkaTopic>& topics, int timeout_ms);

  // How many partitions a topic has. kNotFound if it is not there.
  Result<int32_t> Partitions(const std::string& topic, int timeout_ms);

  // How many partitions each topic has, of all topics that there are and that this user may see. kTransient.
  Result<std::map<std::string, int32_t>> AllTopics(int timeout_ms);

  // All configs of a topic that are in force, by name; of secret ones "". kNotFound if it is not there.
  Result<std::map<std::string, std::string>> TopicConfigs(const std::string& topic, int timeout_ms);

  // Where each partition's log ends, with what belongs to transactions that are not decided yet: so further than what a
  // consumer sees (KafkaConsumer::QueryWatermarks). kTransient; kNotFound, no such topic or partition,
  // as far as brokers know until the timeout: of a topic that was just made they hear one after another.
  Result<std::vector<KafkaOffset>> LogEnds(const std::vector<KafkaPartition>& partitions, int timeout_ms);

  // How a group stands; one that never was has nobody. Errors: kTransient, also while a broker that does not answer may
  // be the one that knows of it; kCorrupt, members that are not consumers.
  Result<KafkaGroup> Group(const std::string& name, int timeout_ms);

  // Deletes what is before these offsets. Errors: kTransient; kNotFound, no such topic or partition; kInvalidArgument
  // (no right to).
  Status DeleteRecords(const std::vector<KafkaOffset>& before, int timeout_ms);

  // Deletes the topics with all that is in them; one that is not there is no error. For tests.
  Status DeleteTopics(const std::vector<std::string>& topics, int timeout_ms);

 private:
  struct Impl;
  explicit KafkaAdmin(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace braid
