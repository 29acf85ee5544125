// The group `kafka` of the configuration, and what streams say for Kafka.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/config_files.h"
#include "control/section.h"
#include "pipeline/run/kafka_config.h"
#include "shape/shape.h"

namespace braid {

// Notes every mistake and gives what is right: first ReadGroup, then ReadStream for each stream in its order, then
// Finish. `mistakes` must outlive it.
class KafkaReader {
 public:
  KafkaReader(ConfigFiles files, Mistakes* mistakes) : files_(std::move(files)), mistakes_(mistakes) {}

  // The group, if `top` has it. `name` and `shards` are the pipeline's: what is not said is named and counted by them.
  void ReadGroup(const Section& top, const std::string& name, uint32_t shards);

  // What the stream's own section says. Without a group it may say nothing.
  void ReadStream(const Section& section, const StreamSpec& stream);

  // All that was read; nothing if there is no group.
  std::optional<KafkaConfig> Finish();

 private:
  // What a stream, or the defaults of all, may say; what it does not say stays as it is.
  struct Wishes {
    KafkaStream stream;
    std::optional<bool> hold_incomplete;  // unsaid, the format decides
    int format_line = 0;
  };

  struct Topic {
    int line = 0;
    std::string name;
    std::vector<std::string> tables;  // patterns, if `name` is but the beginning of each table's topic
  };

  void ReadBrokers(const Section& kafka);
  void ReadProperties(const Section& kafka);
  void ReadOwnTopics(const Section& kafka, const std::string& name);
  void ReadOwnTopic(const Section& kafka, const SectionKeys& keys, const std::string& standard, std::string* topic);
  void ReadRegistry(const Section& kafka);
  void ReadWishes(const Section& section, Wishes* wishes);
  void ReadTopicProperties(const Section& section, KafkaStream* stream);
  void TakeRetention(const Section& section, int64_t* to);
  void TakeCompression(const Section& section, std::string* to);
  void TakeSecret(const Section& section, std::string_view key, Secret* to);
  bool TakeTopic(const Section& section, std::string* to);
  void Add(const Wishes& wishes);
  void NoteTopic(Topic topic);

  const ConfigFiles files_;
  Mistakes* const mistakes_;
  std::optional<KafkaConfig> config_;
  std::string name_;
  Wishes defaults_;
  std::vector<Topic> topics_;
  std::set<int> avro_lines_;  // where the format is said of streams that are Avro
};

}  // namespace braid
