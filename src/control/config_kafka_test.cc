// The group `kafka`, and what streams say for Kafka.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "control/config.h"
#include "control/config_test_util.h"

namespace braid {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

class ConfigKafkaTest : public ConfigTest {
 protected:
  static std::string WithKafka(const std::string& group, const std::string& rest = "") {
    return std::string(kLeast) + "kafka: " + group + "\n" + rest;
  }
};

TEST_F(ConfigKafkaTest, WithoutTheGroupThereIsNoKafka) {
  const auto config = Read(kLeast);
  ASSERT_TRUE(config.has_value());
  EXPECT_FALSE(config->kafka.has_value());
}

TEST_F(ConfigKafkaTest, TheLeastThereMustBeTakesEveryDefault) {
  const auto config = Read(WithKafka("{brokers: 'localhost:9092'}", "shards: 6\n"));
  ASSERT_TRUE(config.has_value()) << config.error().message;
  ASSERT_TRUE(config->kafka.has_value());
  const KafkaConfig& kafka = *config->kafka;
  EXPECT_THAT(kafka.brokers, ElementsAre("localhost:9092"));
  EXPECT_THAT(kafka.properties, IsEmpty());
  EXPECT_EQ(kafka.replicas, -1);
  EXPECT_EQ(kafka.mutations_topic, "movies.mutations");
  EXPECT_EQ(kafka.mutations_retention_us, int64_t{7} * 86400 * 1'000'000);
  EXPECT_EQ(kafka.mutations_compression, "lz4");
  EXPECT_EQ(kafka.changelog_topic, "movies.changelog");
  EXPECT_EQ(kafka.schemas_topic, "movies.schemas");
  EXPECT_EQ(kafka.gaps_topic, "movies.gaps");
  EXPECT_EQ(kafka.snapshots_topic, "movies.snapshots");
  EXPECT_EQ(kafka.group, "movies");
  EXPECT_TRUE(kafka.exactly_once);
  EXPECT_EQ(kafka.commit_interval_us, 100'000);
  EXPECT_FALSE(kafka.registry.has_value());
  ASSERT_EQ(kafka.streams.size(), 1u);
  const KafkaStream& all = kafka.streams[0];
  EXPECT_EQ(TopicOf(all, "vault.titles", false), "movies.vault.titles");
  EXPECT_EQ(TopicOf(all, "vault.titles", true), "movies.vault.titles.static");
  EXPECT_EQ(all.format, KafkaStream::Format::kJson);
  EXPECT_FALSE(all.nested_as_json);
  EXPECT_TRUE(all.tombstones);
  EXPECT_EQ(all.truncate, KafkaStream::Truncate::kRows);
  EXPECT_FALSE(all.hold_incomplete);
  EXPECT_EQ(all.partitions, 6u);
  EXPECT_EQ(all.cleanup, KafkaStream::Cleanup::kDelete);
}

TEST_F(ConfigKafkaTest, EveryKeyIsTaken) {
  ::setenv("BRAID_TEST_USER", "somebody", 1);
  Write("password", "not for the eyes\n", 0600);
  const auto config = Read(std::string(kLeast) + R"(
kafka:
  brokers: ['kafka1:9092', '10.0.0.1:9093', '[::1]:9094']
  properties:
    security.protocol: SASL_SSL
    sasl.username: "${env:BRAID_TEST_USER}@${env:BRAID_TEST_USER}!"
    sasl.password: "${file:password}"
    session.timeout.ms: 6000
  replicas: 3
  mutations: {topic: raw, retention: forever, compression: zstd}
  changelog: {topic: state}
  schemas: {topic: words}
  gaps: {topic: holes}
  snapshots: {topic: past}
  group: workers
  guarantee: at_least_once
  commit_interval: 2s
  topics:
    format: json-schemas
    nested: json
    tombstones: false
    truncate: skip
    incomplete: publish
    partitions: 12
    retention: 1d
    cleanup: both
    properties: {segment.bytes: 1000000, min.insync.replicas: 2}
    compression: none
  registry: {url: 'https://registry:8081/path/', user: u, password: '${file:password}', ca: ca.pem}
streams:
  - {name: one, table: vault.titles}
  - name: two
    table: vault.titles
    topic: second
    format: avro
    nested: structs
    tombstones: true
    truncate: rows
    incomplete: hold
    partitions: 1
    retention: forever
    cleanup: compact
    properties: {segment.bytes: 5}
  - {name: many, tables: [vault.a, vault.b]}
  - {name: more, table: 'other.*', topic: more-of, cleanup: delete, truncate: event}
)");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  const KafkaConfig& kafka = *config->kafka;
  EXPECT_THAT(kafka.brokers, ElementsAre("kafka1:9092", "10.0.0.1:9093", "[::1]:9094"));
  EXPECT_THAT(kafka.properties,
              ElementsAre(Pair("sasl.password", Secret("not for the eyes")),
                          Pair("sasl.username", Secret("somebody@somebody!")),
                          Pair("security.protocol", Secret("SASL_SSL")), Pair("session.timeout.ms", Secret("6000"))));
  EXPECT_EQ(kafka.replicas, 3);
  EXPECT_EQ(kafka.mutations_topic, "raw");
  EXPECT_EQ(kafka.mutations_retention_us, kForever);
  EXPECT_EQ(kafka.mutations_compression, "zstd");
  EXPECT_EQ(kafka.changelog_topic, "state");
  EXPECT_EQ(kafka.schemas_topic, "words");
  EXPECT_EQ(kafka.gaps_topic, "holes");
  EXPECT_EQ(kafka.snapshots_topic, "past");
  EXPECT_EQ(kafka.group, "workers");
  EXPECT_FALSE(kafka.exactly_once);
  EXPECT_EQ(kafka.commit_interval_us, 2'000'000);
  EXPECT_EQ(kafka.streams_compression, "none");
  ASSERT_TRUE(kafka.registry.has_value());
  EXPECT_EQ(kafka.registry->url, "https://registry:8081/path");
  EXPECT_EQ(kafka.registry->user, "u");
  EXPECT_EQ(kafka.registry->password, Secret("not for the eyes"));
  EXPECT_EQ(kafka.registry->ca_file, root_ / "ca.pem");

  ASSERT_EQ(kafka.streams.size(), 4u);
  const KafkaStream& one = kafka.streams[0];
  EXPECT_EQ(TopicOf(one, "vault.titles", false), "movies.one");
  EXPECT_EQ(one.format, KafkaStream::Format::kJsonSchemas);
  EXPECT_TRUE(one.nested_as_json);
  EXPECT_FALSE(one.tombstones);
  EXPECT_EQ(one.truncate, KafkaStream::Truncate::kSkip);
  EXPECT_FALSE(one.hold_incomplete);
  EXPECT_EQ(one.partitions, 12u);
  EXPECT_EQ(one.retention_us, int64_t{86400} * 1'000'000);
  EXPECT_EQ(one.cleanup, KafkaStream::Cleanup::kBoth);
  const KafkaStream& two = kafka.streams[1];
  EXPECT_EQ(TopicOf(two, "vault.titles", false), "second");
  EXPECT_EQ(TopicOf(two, "vault.titles", true), "second.static");
  EXPECT_EQ(two.format, KafkaStream::Format::kAvro);
  EXPECT_FALSE(two.nested_as_json);
  EXPECT_TRUE(two.tombstones);
  EXPECT_EQ(two.truncate, KafkaStream::Truncate::kRows);
  EXPECT_TRUE(two.hold_incomplete);
  EXPECT_EQ(two.partitions, 1u);
  EXPECT_EQ(two.retention_us, kForever);
  EXPECT_EQ(two.cleanup, KafkaStream::Cleanup::kCompact);
  EXPECT_THAT(two.properties, ElementsAre(Pair("min.insync.replicas", "2"), Pair("segment.bytes", "5")));
  EXPECT_EQ(TopicOf(kafka.streams[2], "vault.b", false), "movies.many.vault.b");
  EXPECT_EQ(TopicOf(kafka.streams[3], "other.t", true), "more-of.other.t.static");
  EXPECT_EQ(kafka.streams[3].truncate, KafkaStream::Truncate::kEvent);
}

TEST_F(ConfigKafkaTest, TypedFormatsHoldWhatIsIncompleteUnlessToldOtherwise) {
  const auto config =
      Read(WithKafka("{brokers: 'h:1', registry: {url: 'http://r'}}",
                     "streams: [{name: a, table: k.a, format: avro}, {name: b, table: k.b, format: json-schemas}, "
                     "{name: c, table: k.c}, {name: d, table: k.d, format: avro, incomplete: publish}]\n"));
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_TRUE(config->kafka->streams[0].hold_incomplete);
  EXPECT_TRUE(config->kafka->streams[1].hold_incomplete);
  EXPECT_FALSE(config->kafka->streams[2].hold_incomplete);
  EXPECT_FALSE(config->kafka->streams[3].hold_incomplete);
}

TEST_F(ConfigKafkaTest, EachMistakeOfTheGroupNamesItsCure) {
  const Wrong cases[] = {
      {"yes", "'kafka' must be a group of keys, not a single value; it takes: brokers, properties"},
      {"{}", "'brokers' is missing in 'kafka'; write e.g. brokers: [kafka1:9092, kafka2:9092]"},
      {"{brokers: []}", "brokers: must name 1 to 100 brokers; write e.g. brokers: [kafka1"},
      {"{brokers: [kafka1]}", "brokers: must be ADDRESS:PORT; write e.g. brokers: [kafka1"},
      {"{brokers: ['PLAINTEXT://kafka1:9092']}", "brokers: must be ADDRESS:PORT"},
      {"{brokers: ['kafka1:99999']}", "brokers: the port after the colon must be a number from 1 to 65535; write"},
      {"{brokers: 'h:1', replicas: 0}", "replicas: '0' is no whole number from 1 to 100"},
      {"{brokers: 'h:1', mutations: {topic: 'a b'}}", "topic: a topic's name has letters, digits, _, - and ., 249 at"},
      {"{brokers: 'h:1', gaps: {topic: ..}}", "topic: a topic's name has letters"},
      {"{brokers: 'h:1', mutations: {retention: 1s}}", "retention: 1s is out of range; give 1m to 36500d"},
      {"{brokers: 'h:1', mutations: {retention: for ever}}", "retention: 'for ever' is no number with a unit"},
      {"{brokers: 'h:1', mutations: {compression: lz5}}", "compression: 'lz5' is not known; did you mean 'lz4'?"},
      {"{brokers: 'h:1', changelog: {retention: 1d}}", "the key 'retention' does not belong in 'changelog'"},
      {"{brokers: 'h:1', changelog: {topic: movies.gaps}}",
       "topic: 'movies.gaps' and 'movies.gaps' of line 5 are, or lead to, one topic"},
      {"{brokers: 'h:1', group: 'a b'}", "group: a consumer group's name has letters"},
      {"{brokers: 'h:1', guarantee: exactly-once}", "guarantee: 'exactly-once' is not known; did you mean 'exactly_"},
      {"{brokers: 'h:1', commit_interval: 0}", "commit_interval: 0s is out of range; give 1ms to 10s"},
      {"{brokers: 'h:1', topics: {format: protobuf}}", "format: 'protobuf' is not known; give one of: json, json-sc"},
      {"{brokers: 'h:1', topics: {nested: json}}",
       "nested: is for json-schemas and avro, plain json shows everything "},
      {"{brokers: 'h:1', topics: {tombstones: yes}}", "tombstones: 'yes' is not known; give one of: true, false"},
      {"{brokers: 'h:1', topics: {partitions: 0}}", "partitions: '0' is no whole number from 1 to 10000"},
      {"{brokers: 'h:1', topics: {topic: t}}", "the key 'topic' does not belong in 'topics'; put it into 'streams'"},
      {"{brokers: 'h:1', topics: {cleanup: both, truncate: event}}",
       "truncate: a compacted topic takes no event without a key, such as truncate: event; write truncate: rows"},
      {"{brokers: 'h:1', topics: {properties: {retention.ms: 1}}}", "properties: retention.ms: write retention inst"},
      {"{brokers: 'h:1', topics: {properties: {cleanup.policy: x}}}", "properties: cleanup.policy: write cleanup in"},
      {"{brokers: 'h:1', topics: {properties: [x]}}", "properties: must be a group PROPERTY: VALUE"},
      {"{brokers: 'h:1', topics: {properties: {a: [b]}}}", "properties: must be PROPERTY: VALUE, as the brokers name"},
      {"{brokers: 'h:1', topics: {format: avro}}", "format: avro keeps its schemas in a registry; add registry: {url"},
      {"{brokers: 'h:1', registry: {}}", "'url' is missing in 'registry'; say where the registry answers, e.g. url:"},
      {"{brokers: 'h:1', registry: {url: 'registry:8081'}}", "url: must be http://HOST:PORT or https://HOST:PORT"},
      {"{brokers: 'h:1', registry: {url: 'http://'}}", "url: must be http://HOST:PORT"},
      {"{brokers: 'h:1', registry: {url: 'http://r/?a=b'}}", "url: must be http://HOST:PORT"},
      {"{brokers: 'h:1', registry: {url: 'http://r', user: u}}", "user: user and password go together; give both or "},
      {"{brokers: 'h:1', registry: {url: 'http://r', user: 'a:b', password: p}}", "user: has no colon"},
      {"{brokers: 'h:1', registry: {url: 'http://r', ca: ~/ca.pem}}", "ca: ~ and $NAME mean nothing here"},
  };
  for (const Wrong& wrong : cases) {
    EXPECT_THAT(Mistakes(WithKafka(wrong.text)), AllOf(StartsWith("5: "), HasSubstr(wrong.message))) << wrong.text;
  }
}

TEST_F(ConfigKafkaTest, PropertiesOnWhichPromisesRestAreRefusedByName) {
  for (const char* name :
       {"enable.idempotence", "transactional.id", "isolation.level", "enable.auto.commit", "auto.offset.reset",
        "group.id", "acks", "request.required.acks", "bootstrap.servers", "metadata.broker.list", "message.timeout.ms",
        "delivery.timeout.ms", "retries", "group.protocol", "compression.codec", "plugin.library.paths",
        "partition.assignment.strategy"}) {
    EXPECT_THAT(Mistakes(WithKafka("{brokers: 'h:1', properties: {" + std::string(name) + ": x}}")),
                AllOf(StartsWith("5: properties: "), HasSubstr(name), HasSubstr("Braid's own to set: leave it out")))
        << name;
  }
  EXPECT_EQ(Mistakes(WithKafka("{brokers: 'h:1', properties: {transactional.id: x}}")),
            "5: properties: transactional.id: Braid's own to set: leave it out, see guarantee");
  EXPECT_THAT(Mistakes(WithKafka("{brokers: 'h:1', properties: {sasl.pasword: x}}")),
              AllOf(StartsWith("5: properties: "), HasSubstr("\"sasl.pasword\"")));
  EXPECT_THAT(Mistakes(WithKafka("{brokers: 'h:1', properties: {linger.ms: soon}}")),
              AllOf(StartsWith("5: properties: "), HasSubstr("\"linger.ms\""), Not(HasSubstr("soon"))));
}

TEST_F(ConfigKafkaTest, SecretsAreCheckedAndNeverShown) {
  const std::string secret = "hunter-two-and-three";
  const auto mistakes = [&](const std::string& value, ConfigUse use = ConfigUse::kRun) {
    return Mistakes(WithKafka("{brokers: 'h:1', properties: {sasl.password: \"" + value + "\"}}"), use);
  };
  const std::string place = "5: properties: sasl.password: ";
  ::unsetenv("BRAID_TEST_NONE");
  EXPECT_THAT(mistakes("${env:BRAID_TEST_NONE}"), StartsWith(place + "the environment does not have the variable"));
  ::setenv("BRAID_TEST_EMPTY", "", 1);
  EXPECT_THAT(mistakes("${env:BRAID_TEST_EMPTY}"), StartsWith(place + "what it stands for is empty"));
  EXPECT_THAT(mistakes("${file:none}"), StartsWith(place + "the file that ${file:…} names cannot be opened (No such"));
  EXPECT_THAT(mistakes("${file:n1}"), StartsWith(place + "the file that ${file:…} names is no plain file"));
  EXPECT_THAT(mistakes("${file:~/x}"), StartsWith(place + "~ and $NAME mean nothing here"));
  Write("open", secret, 0644);
  EXPECT_THAT(mistakes("${file:open}"),
              AllOf(StartsWith(place + "others may read or write the file that ${file:…}"), Not(HasSubstr(secret))));
  Write("long", std::string(70'000, 's'), 0600);
  EXPECT_THAT(mistakes("${file:long}"), StartsWith(place + "the file that ${file:…} names is longer than 64 KiB"));
  for (const std::string& wrong : {"${" + secret + "}", std::string("${env:}"), "a${" + secret, "${env:" + secret}) {
    EXPECT_THAT(mistakes(wrong), AllOf(StartsWith(place), Not(HasSubstr(secret)))) << wrong;
  }
  // Where a value went astray.
  for (const std::string& group :
       {"{brokers: 'h:1', properties: " + secret + "}", "{brokers: 'h:1', properties: {'" + secret + "': [x]}}",
        "{brokers: 'h:1', properties: {sasl.password: [" + secret + "]}}",
        "{brokers: 'h:1', registry: {url: 'http://u:" + secret + "@r'}}",
        "{brokers: 'h:1', registry: {url: 'http://r', password: " + secret + "}}"}) {
    EXPECT_THAT(Mistakes(WithKafka(group)), AllOf(StartsWith("5: "), Not(HasSubstr(secret)))) << group;
  }
  // Who only asks does not open them, but the form is checked all the same.
  EXPECT_EQ(mistakes("${file:none}${env:BRAID_TEST_NONE}", ConfigUse::kAsk), "");
  EXPECT_THAT(mistakes("${nothing}", ConfigUse::kAsk), HasSubstr("after ${ comes env:NAME}"));
  const auto asked = Read(WithKafka("{brokers: 'h:1', properties: {sasl.password: plain}}"), ConfigUse::kAsk);
  ASSERT_TRUE(asked.has_value());
  EXPECT_TRUE(asked->kafka->properties.at("sasl.password").empty());
}

TEST_F(ConfigKafkaTest, ASecretIsNotPrinted) {
  EXPECT_EQ(::testing::PrintToString(Secret("abc")), "(secret)");
}

TEST_F(ConfigKafkaTest, EachMistakeOfAStreamNamesItsCure) {
  const std::string group = "{brokers: 'h:1'}";
  const Wrong cases[] = {
      {"{name: s, table: a.b, topic: 'x/y'}", "6: topic: a topic's name has letters"},
      {"{name: s, table: a.b, format: xml}", "6: format: 'xml' is not known"},
      {"{name: s, table: a.b, format: avro}", "6: format: avro keeps its schemas in a registry; add registry"},
      {"{name: s, table: a.b, cleanup: compact, truncate: event}", "6: truncate: a compacted topic takes no event"},
      {"{name: s, table: a.b, topic: movies.mutations}", "6: topic: 'movies.mutations' and 'movies.mutations' of line"},
      {"{name: s, table: a.b, topic: x}, {name: t, table: a.c, topic: x}", "6: topic: 'x' and 'x' of line 6 are, or "},
      {"{name: s, table: a.b, topic: x}, {name: t, table: a.c, topic: x.static}", "6: topic: 'x.static' and 'x' of"},
      {"{name: s, table: a.b, topic: x.static}, {name: t, table: a.c, topic: x}", "6: topic: 'x' and 'x.static' of"},
      {"{name: s, table: a.b, topic: x.y}, {name: t, table: a.c, topic: x_y}", "6: topic: 'x_y' and 'x.y' of line 6"},
      {"{name: s, table: 'a.*', topic: x}, {name: t, table: a.c, topic: x.a.c}", "6: topic: 'x.a.c' and 'x' of line"},
      {"{name: t, table: a.c, topic: x.a.c.static}, {name: s, table: 'a.*', topic: x}", "6: topic: 'x' and 'x.a.c.st"},
      {"{name: s, table: 'a.*', topic: x}, {name: t, table: 'b.*', topic: x}", "6: topic: 'x' and 'x' of line 6 are"},
  };
  for (const Wrong& wrong : cases) {
    EXPECT_THAT(Mistakes(WithKafka(group, std::string("streams: [") + wrong.text + "]\n")), StartsWith(wrong.message))
        << wrong.text;
  }
  const auto lengths = [&](const std::string& table, size_t length) {
    return Mistakes(
        WithKafka(group, "streams: [{name: s, table: '" + table + "', topic: " + std::string(length, 't') + "}]\n"));
  };
  EXPECT_EQ(lengths("a.b", 242), "");
  EXPECT_THAT(lengths("a.b", 243), HasSubstr("topic: is longer than 242 characters"));
  EXPECT_THAT(lengths("a.b", 250), HasSubstr("249 at most"));
  EXPECT_EQ(lengths("a.*", 144), "");
  EXPECT_THAT(lengths("a.*", 145), HasSubstr("topic: is longer than 144 characters"));
  // Another keyspace's, and one that only looks alike.
  EXPECT_EQ(Mistakes(WithKafka(group,
                               "streams: [{name: s, table: 'a.*', topic: x}, {name: t, table: b.c, topic: x.b.c}, "
                               "{name: u, table: a.c, topic: xx.a.c}]\n")),
            "");
}

TEST_F(ConfigKafkaTest, WhatIsForKafkaNeedsTheGroup) {
  EXPECT_EQ(Mistakes(std::string(kLeast) + "streams: [{name: s, table: a.b, format: json, topic: x}]\n"),
            "5: topic: is for topics of Kafka; add the group kafka, or leave it out\n"
            "5: format: is for topics of Kafka; add the group kafka, or leave it out");
  EXPECT_THAT(Mistakes(kLeast, ConfigUse::kCapture), StartsWith("1: 'kafka' is missing; a stage alone hands over by"));
  EXPECT_THAT(Mistakes(kLeast, ConfigUse::kReconcile), StartsWith("1: 'kafka' is missing"));
}

TEST_F(ConfigKafkaTest, WorkersNeedNoNodes) {
  const std::string text = "name: m\nstate: s\nkafka: {brokers: 'h:1'}\n";
  for (const ConfigUse use : {ConfigUse::kReconcile, ConfigUse::kValidate, ConfigUse::kRead, ConfigUse::kAsk}) {
    EXPECT_EQ(Mistakes(text, use), "");
    EXPECT_EQ(Mistakes(text + "source: {exclude: [a.b.c]}\n", use), "");
  }
  for (const ConfigUse use : {ConfigUse::kRun, ConfigUse::kCapture}) {
    EXPECT_THAT(Mistakes(text, use), HasSubstr("'source' is missing"));
  }
  EXPECT_THAT(Mistakes("name: m\nstate: s\n", ConfigUse::kValidate), HasSubstr("'source' is missing"));
  // One of the nodes that agents have; its directories are elsewhere.
  const std::string one = "source: {nodes: [{name: n1, home: gone}]}\npublish_when: quorum\n";
  EXPECT_EQ(Mistakes(text + one, ConfigUse::kReconcile), "");
  EXPECT_EQ(Mistakes(text + one, ConfigUse::kCapture), "");
  EXPECT_THAT(Mistakes(text + one, ConfigUse::kRun), HasSubstr("there is no directory"));
}

}  // namespace
}  // namespace braid
