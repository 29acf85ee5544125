#include "control/config_kafka.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "control/config_keys.h"
#include "control/endpoint.h"
#include "transport/kafka/properties.h"

namespace braid {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = 86400 * kSecondUs;
constexpr int64_t kLongestUs = 36500 * kDayUs;
constexpr size_t kMostTopicLength = 249;
// What may follow a topic: the static rows' suffix, and a table's full name where each table has its own.
constexpr size_t kStaticLength = std::string_view(".static").size();
constexpr size_t kTableLength = 1 + 48 + 1 + 48;
// And a node's id, in its topic of snapshots.
constexpr size_t kHostLength = 1 + 36;
constexpr size_t kMostBrokers = 100;
constexpr size_t kMostProperties = 200;
constexpr size_t kMostPropertyLength = 64;
constexpr size_t kMostUrlLength = 2048;
constexpr size_t kMostUserLength = 1024;

// Properties that have a key here, and those that would undo what the clients promise; the clients refuse others.
constexpr auto kBraidsOwn = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"bootstrap.servers", "brokers"},
    {"metadata.broker.list", "brokers"},
    {"group.id", "group"},
    {"transactional.id", "guarantee"},
    {"auto.commit.interval.ms", "commit_interval"},
    {"compression.codec", "compression, in mutations and in topics"},
    {"compression.type", "compression, in mutations and in topics"},
    {"auto.commit.enable", ""},
    {"group.remote.assignor", ""},
    {"max.in.flight", ""},
    {"max.in.flight.requests.per.connection", ""},
    {"message.send.max.retries", ""},
    {"partitioner", ""},
    {"plugin.library.paths", ""},
    {"retries", ""},
    {"statistics.interval.ms", ""},
});

bool IsPropertyName(std::string_view name) {
  return !name.empty() && name.size() <= kMostPropertyLength &&
         std::all_of(name.begin(), name.end(), [](char c) { return IsNameCharacter(c) && c != '-'; });
}

bool IsTopicName(std::string_view name, size_t most) {
  return name.size() <= most && name != "." && name != ".." && std::all_of(name.begin(), name.end(), IsNameCharacter);
}

// A topic as the brokers' metrics name it: they refuse two topics that look the same there.
std::string AsMetric(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

// Whether two topics may get in each other's way: `table`, "keyspace.table", being one that `patterns` fit.
bool FitsAny(const std::vector<std::string>& patterns, const std::string& table) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return FitsPattern(pattern, table); });
}

}  // namespace

void KafkaReader::ReadGroup(const Section& top, const std::string& name, uint32_t shards) {
  const YamlValue* value = top.Find("kafka");
  if (value == nullptr) return;
  const Section kafka(*value, kKafkaKeys, kAllKeys, mistakes_);
  if (value->kind != YamlValue::Kind::kMap) return;
  config_.emplace();
  name_ = name;
  defaults_.stream.partitions = shards;
  ReadBrokers(kafka);
  ReadProperties(kafka);
  uint32_t replicas = 0;
  if (kafka.TakeNumber("replicas", 1, 100, &replicas)) config_->replicas = static_cast<int>(replicas);
  ReadOwnTopics(kafka, name);
  config_->group = name;
  if (kafka.TakeText("group", &config_->group) && !IsTopicName(config_->group, kMostTopicLength)) {
    kafka.Note("group", "a consumer group's name has letters, digits, _, - and ., 249 at most; choose another");
  }
  kafka.TakeWord<bool>("guarantee", {{"exactly_once", true}, {"at_least_once", false}}, &config_->exactly_once);
  kafka.TakeDuration("commit_interval", 1000, 10 * kSecondUs, &config_->commit_interval_us);
  if (const YamlValue* topics = kafka.Find("topics"); topics != nullptr) {
    const Section section(*topics, kTopicsKeys, kAllKeys, mistakes_);
    ReadWishes(section, &defaults_);
    TakeCompression(section, &config_->streams_compression);
  }
  ReadRegistry(kafka);
}

void KafkaReader::ReadBrokers(const Section& kafka) {
  constexpr std::string_view kCure = "write e.g. brokers: [kafka1:9092, kafka2:9092]";
  std::vector<std::string> brokers;
  if (kafka.Require("brokers", kCure) == nullptr || !kafka.TakeTexts("brokers", &brokers)) return;
  if (brokers.empty() || brokers.size() > kMostBrokers) {
    return kafka.Note("brokers", fmt::format("must name 1 to {} brokers; {}", kMostBrokers, kCure));
  }
  for (const std::string& broker : brokers) {
    const Result<Endpoint> endpoint = ParseEndpoint(broker);
    if (!endpoint.has_value()) return kafka.Note("brokers", fmt::format("{}; {}", endpoint.error().message, kCure));
  }
  config_->brokers = std::move(brokers);
}

// No value is ever shown: any of them may be a password.
void KafkaReader::ReadProperties(const Section& kafka) {
  const YamlValue* properties = kafka.Find("properties");
  if (properties == nullptr) return;
  if (properties->kind != YamlValue::Kind::kMap || properties->items.size() > kMostProperties) {
    return kafka.Note("properties", fmt::format("must be a group PROPERTY: VALUE of {} at most, e.g. properties: "
                                                "{{security.protocol: SSL}}",
                                                kMostProperties));
  }
  for (const YamlValue& entry : properties->items) {
    const auto note = [&](std::string_view text) {
      mistakes_->Add(entry.key_line, fmt::format("properties: {}: {}", entry.key.substr(0, kMostPropertyLength), text));
    };
    if (!IsPropertyName(entry.key)) {
      mistakes_->Add(entry.key_line,
                     "properties: a property's name has letters, digits, . and _; see librdkafka's "
                     "CONFIGURATION.md");
      continue;
    }
    const auto* const own = std::find_if(kBraidsOwn.begin(), kBraidsOwn.end(),
                                         [&](const auto& property) { return property.first == entry.key; });
    if (own != kBraidsOwn.end()) {
      note(own->second.empty() ? std::string("Braid's own to set: leave it out")
                               : fmt::format("Braid's own to set: leave it out, see {}", own->second));
      continue;
    }
    if (entry.kind != YamlValue::Kind::kText || entry.text.empty()) {
      note("must be a single value, and not empty");
      continue;
    }
    Result<Secret> secret = ResolveSecret(entry.text, files_);
    if (!secret.has_value()) {
      note(secret.error().message);
      continue;
    }
    // Which brokers does not matter: none is asked.
    const std::string why =
        files_.read_secrets
            ? WhyNotKafkaProperties({{"bootstrap.servers", "localhost:9092"}, {entry.key, secret->Reveal()}})
            : "";
    if (!why.empty()) {
      mistakes_->Add(entry.key_line, "properties: " + why);
    } else if (!config_->properties.emplace(entry.key, *std::move(secret)).second) {
      note("comes twice; keep one");
    }
  }
}

void KafkaReader::ReadOwnTopics(const Section& kafka, const std::string& name) {
  ReadOwnTopic(kafka, kMutationsKeys, name + ".mutations", &config_->mutations_topic);
  ReadOwnTopic(kafka, kChangelogKeys, name + ".changelog", &config_->changelog_topic);
  ReadOwnTopic(kafka, kSchemasKeys, name + ".schemas", &config_->schemas_topic);
  ReadOwnTopic(kafka, kGapsKeys, name + ".gaps", &config_->gaps_topic);
  ReadOwnTopic(kafka, kSnapshotsKeys, name + ".snapshots", &config_->snapshots_topic);
  if (config_->snapshots_topic.size() > kMostTopicLength - kHostLength) {
    kafka.Note(kSnapshotsKeys.name, fmt::format("topic: is longer than {} characters, and a node's id follows it; "
                                                "choose a shorter one",
                                                kMostTopicLength - kHostLength));
  }
}

void KafkaReader::ReadOwnTopic(const Section& kafka, const SectionKeys& keys, const std::string& standard,
                               std::string* topic) {
  *topic = standard;
  const YamlValue* value = kafka.Find(keys.name);
  int line = kafka.line();
  if (value != nullptr) {
    const Section section(*value, keys, kAllKeys, mistakes_);
    if (TakeTopic(section, topic)) line = section.LineOf("topic");
    if (keys.name == kMutationsKeys.name) {
      TakeRetention(section, &config_->mutations_retention_us);
      TakeCompression(section, &config_->mutations_compression);
    }
  }
  NoteTopic({.line = line, .name = *topic, .tables = {}});
}

void KafkaReader::ReadRegistry(const Section& kafka) {
  const YamlValue* value = kafka.Find("registry");
  if (value == nullptr) return;
  const Section section(*value, kRegistryKeys, kAllKeys, mistakes_);
  RegistryConfig registry;
  if (section.Require("url", "say where the registry answers, e.g. url: http://localhost:8081") != nullptr &&
      section.TakeText("url", &registry.url)) {
    const bool scheme = registry.url.starts_with("http://") || registry.url.starts_with("https://");
    const bool plain = std::all_of(registry.url.begin(), registry.url.end(),
                                   [](char c) { return c > ' ' && c < 0x7F && c != '?' && c != '#'; });
    if (registry.url.find('@') != std::string::npos) {
      section.Note("url", "has a user in it, and would be shown; give user and password apart");
    } else if (!scheme || !plain || registry.url.size() > kMostUrlLength || registry.url.ends_with("//")) {
      section.Note("url", "must be http://HOST:PORT or https://HOST:PORT, a path behind it at most");
    }
    while (registry.url.ends_with('/')) registry.url.pop_back();
  }
  if (section.has("user") != section.has("password")) {
    section.Note(section.has("user") ? "user" : "password", "user and password go together; give both or none");
  }
  Secret user;
  TakeSecret(section, "user", &user);
  registry.user = user.Reveal();
  if (registry.user.size() > kMostUserLength || registry.user.find(':') != std::string::npos) {
    section.Note("user", "has no colon, and 1024 bytes at most");
  }
  TakeSecret(section, "password", &registry.password);
  if (section.TakeText("ca", &registry.ca_file)) {
    const Result<std::string> path = ResolvePath(files_.directory, registry.ca_file);
    if (!path.has_value()) return section.Note("ca", path.error().message);
    registry.ca_file = *path;
  }
  config_->registry = std::move(registry);
}

void KafkaReader::ReadWishes(const Section& section, Wishes* wishes) {
  using Stream = KafkaStream;
  Stream* const stream = &wishes->stream;
  if (section.TakeWord<Stream::Format>("format",
                                       {{"json", Stream::Format::kJson},
                                        {"json-schemas", Stream::Format::kJsonSchemas},
                                        {"avro", Stream::Format::kAvro}},
                                       &stream->format)) {
    wishes->format_line = section.LineOf("format");
  }
  if (section.TakeWord<bool>("nested", {{"structs", false}, {"json", true}}, &stream->nested_as_json) &&
      stream->format == Stream::Format::kJson) {
    section.Note("nested", "is for json-schemas and avro, plain json shows everything as it is; leave it out");
  }
  section.TakeWord<bool>("tombstones", {{"true", true}, {"false", false}}, &stream->tombstones);
  section.TakeWord<Stream::Truncate>(
      "truncate",
      {{"rows", Stream::Truncate::kRows}, {"event", Stream::Truncate::kEvent}, {"skip", Stream::Truncate::kSkip}},
      &stream->truncate);
  bool hold = false;
  if (section.TakeWord<bool>("incomplete", {{"hold", true}, {"publish", false}}, &hold)) wishes->hold_incomplete = hold;
  section.TakeNumber("partitions", 1, 10'000, &stream->partitions);
  TakeRetention(section, &stream->retention_us);
  section.TakeWord<Stream::Cleanup>(
      "cleanup",
      {{"delete", Stream::Cleanup::kDelete}, {"compact", Stream::Cleanup::kCompact}, {"both", Stream::Cleanup::kBoth}},
      &stream->cleanup);
  ReadTopicProperties(section, stream);
  // The brokers take nothing without a key into a topic that they compact, and a truncation has none.
  const bool said = section.has("truncate") || section.has("cleanup");
  if (said && stream->truncate == Stream::Truncate::kEvent && stream->cleanup != Stream::Cleanup::kDelete) {
    section.Note(section.has("truncate") ? "truncate" : "cleanup",
                 "a compacted topic takes no event without a key, such as truncate: event; write truncate: rows");
  }
}

void KafkaReader::ReadTopicProperties(const Section& section, KafkaStream* stream) {
  const YamlValue* properties = section.Find("properties");
  if (properties == nullptr) return;
  if (properties->kind != YamlValue::Kind::kMap || properties->items.size() > kMostProperties) {
    return section.Note("properties", "must be a group PROPERTY: VALUE, e.g. properties: {segment.bytes: 104857600}");
  }
  for (const YamlValue& entry : properties->items) {
    if (entry.key == "cleanup.policy" || entry.key == "retention.ms") {
      mistakes_->Add(entry.key_line, fmt::format("properties: {}: write {} instead", entry.key,
                                                 entry.key == "retention.ms" ? "retention" : "cleanup"));
    } else if (!IsPropertyName(entry.key) || entry.kind != YamlValue::Kind::kText || entry.text.empty()) {
      mistakes_->Add(entry.key_line, "properties: must be PROPERTY: VALUE, as the brokers name a topic's properties");
    } else {
      stream->properties[entry.key] = entry.text;
    }
  }
}

void KafkaReader::TakeRetention(const Section& section, int64_t* to) {
  const YamlValue* value = section.Find("retention");
  if (value == nullptr) return;
  if (value->kind == YamlValue::Kind::kText && value->text == "forever") {
    *to = kForever;
  } else {
    section.TakeDuration("retention", 60 * kSecondUs, kLongestUs, to);
  }
}

void KafkaReader::TakeCompression(const Section& section, std::string* to) {
  section.TakeWord<std::string>("compression", {{"none", "none"}, {"lz4", "lz4"}, {"zstd", "zstd"}}, to);
}

void KafkaReader::TakeSecret(const Section& section, std::string_view key, Secret* to) {
  std::string text;
  if (!section.TakeText(key, &text)) return;
  Result<Secret> secret = ResolveSecret(text, files_);
  if (!secret.has_value()) return section.Note(key, secret.error().message);
  *to = *std::move(secret);
}

bool KafkaReader::TakeTopic(const Section& section, std::string* to) {
  std::string topic;
  if (!section.TakeText("topic", &topic)) return false;
  if (!IsTopicName(topic, kMostTopicLength)) {
    section.Note("topic", fmt::format("a topic's name has letters, digits, _, - and ., {} at most; choose another",
                                      kMostTopicLength));
    return false;
  }
  *to = topic;
  return true;
}

void KafkaReader::ReadStream(const Section& section, const StreamSpec& spec) {
  constexpr auto kKeys =
      std::to_array<std::string_view>({"topic", "format", "nested", "tombstones", "truncate", "incomplete",
                                       "partitions", "retention", "cleanup", "properties"});
  if (!config_.has_value()) {
    for (const std::string_view key : kKeys) {
      if (section.has(key)) section.Note(key, "is for topics of Kafka; add the group kafka, or leave it out");
    }
    return;
  }
  Wishes wishes = defaults_;
  wishes.stream.topic = name_ + "." + spec.name;
  wishes.stream.topic_per_table = spec.tables.size() != 1 || spec.tables.front().find('*') != std::string::npos;
  TakeTopic(section, &wishes.stream.topic);
  ReadWishes(section, &wishes);
  const size_t most = kMostTopicLength - kStaticLength - (wishes.stream.topic_per_table ? kTableLength : size_t{0});
  if (wishes.stream.topic.size() > most) {
    section.Note("topic", fmt::format("is longer than {} characters, and more follow it: a table's name or .static; "
                                      "choose a shorter one",
                                      most));
  }
  const int line = section.has("topic") ? section.LineOf("topic") : section.LineOf("name");
  NoteTopic({.line = line,
             .name = wishes.stream.topic,
             .tables = wishes.stream.topic_per_table ? spec.tables : std::vector<std::string>()});
  Add(wishes);
}

void KafkaReader::Add(const Wishes& wishes) {
  KafkaStream stream = wishes.stream;
  stream.hold_incomplete = wishes.hold_incomplete.value_or(stream.format != KafkaStream::Format::kJson);
  if (stream.format == KafkaStream::Format::kAvro) avro_lines_.insert(wishes.format_line);
  config_->streams.push_back(std::move(stream));
}

// Notes it if it is another one's too.
void KafkaReader::NoteTopic(Topic topic) {
  // Whether the topic `one` is among those that `all` stands for.
  const auto holds = [](const Topic& all, std::string one) {
    if (all.tables.empty())
      return AsMetric(one) == AsMetric(all.name) || AsMetric(one) == AsMetric(all.name + ".static");
    if (!one.starts_with(all.name + ".")) return false;
    one = one.substr(all.name.size() + 1);
    return FitsAny(all.tables, one) ||
           (one.ends_with(".static") && FitsAny(all.tables, one.substr(0, one.size() - kStaticLength)));
  };
  for (const Topic& other : topics_) {
    const bool both_many = !topic.tables.empty() && !other.tables.empty();
    const bool clash = both_many ? topic.name == other.name : holds(other, topic.name) || holds(topic, other.name);
    if (!clash) continue;
    mistakes_->Add(topic.line,
                   fmt::format("topic: '{}' and '{}' of line {} are, or lead to, one topic (to brokers . and _ "
                               "are the same); choose another",
                               topic.name, other.name, other.line));
    break;
  }
  topics_.push_back(std::move(topic));
}

std::optional<KafkaConfig> KafkaReader::Finish() {
  if (!config_.has_value()) return std::nullopt;
  if (config_->streams.empty()) {
    Wishes all = defaults_;
    all.stream.topic = name_;
    all.stream.topic_per_table = true;
    Add(all);
  }
  for (const int line : avro_lines_) {
    if (config_->registry.has_value()) break;
    mistakes_->Add(line, "format: avro keeps its schemas in a registry; add registry: {url: …} to kafka");
  }
  return std::move(config_);
}

}  // namespace braid
