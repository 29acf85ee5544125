// What the pages and examples say of configuration and metrics is so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "control/config.h"
#include "control/config_keys.h"
#include "control/metrics.h"
#include "control/stats_test_util.h"

namespace braid {
namespace {

using ::testing::HasSubstr;

std::string ReadDocument(const std::string& path) {
  const std::filesystem::path root = std::filesystem::path(__FILE__).parent_path() / ".." / "..";
  std::ifstream file(root / path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// Every word that begins with "braid_".
std::set<std::string> MetricNames(const std::string& text) {
  std::set<std::string> names;
  for (size_t at = text.find("braid_"); at != std::string::npos; at = text.find("braid_", at + 1)) {
    size_t end = at;
    while (end < text.size() && IsWordCharacter(text[end])) ++end;
    names.insert(text.substr(at, end - at));
  }
  return names;
}

TEST(DocsTest, EveryMetricThatIsNamedExists) {
  RunStats stats = SomeStats();
  stats.outlet.emplace();
  stats.inlets.emplace_back();
  const std::set<std::string> known = MetricNames(RenderMetrics(stats));
  for (const char* path : {"docs/OPERATIONS.md", "examples/live/alerts.yaml"}) {
    const std::set<std::string> named = MetricNames(ReadDocument(path));
    EXPECT_GT(named.size(), 10u) << path;
    for (const std::string& name : named) EXPECT_TRUE(known.contains(name)) << path << ": " << name;
  }
}

TEST(DocsTest, TheExamplesAreRightAndHaveEveryKey) {
  std::string text;
  for (const char* path : {"examples/live/braid.yaml", "examples/kafka/braid.yaml"}) {
    const std::string example = ReadDocument(path);
    const auto config = ParseConfig(example, path, ConfigUse::kAsk);
    ASSERT_TRUE(config.has_value()) << config.error().message;
    text += example;
  }
  const std::string page = ReadDocument("docs/configuration.md");
  for (const SectionKeys& section : kAllKeys) {
    for (const std::string_view key : section.keys) {
      // `include` excludes `exclude`: the example has one of them.
      const std::string wanted = key == "include" ? "exclude" : std::string(key);
      EXPECT_THAT(text, HasSubstr(wanted + ":"));
      EXPECT_THAT(page, HasSubstr("`" + std::string(key) + "`"));
    }
  }
}

TEST(DocsTest, TheExampleSaysTheDefaults) {
  const auto config = ParseConfig(ReadDocument("examples/live/braid.yaml"), "f", ConfigUse::kAsk);
  ASSERT_TRUE(config.has_value());
  const Config defaults;
  EXPECT_EQ(config->tail, defaults.tail);
  EXPECT_EQ(config->on_corruption, defaults.on_corruption);
  EXPECT_EQ(config->on_overflow, defaults.on_overflow);
  EXPECT_EQ(config->sync_slack_us, defaults.sync_slack_us);
  EXPECT_EQ(config->schema_wait_us, defaults.schema_wait_us);
  EXPECT_EQ(config->memory_bytes, defaults.memory_bytes);
  EXPECT_EQ(config->disk_bytes, defaults.disk_bytes);
  EXPECT_EQ(config->shards, defaults.shards);
  EXPECT_EQ(config->reorder_window_us, defaults.reorder_window_us);
  EXPECT_EQ(config->publish_quorum, defaults.publish_quorum);
  EXPECT_EQ(config->confirm_timeout_us, defaults.confirm_timeout_us);
  EXPECT_EQ(config->purge_slack_us, defaults.purge_slack_us);
  EXPECT_EQ(config->retention_us, defaults.retention_us);
  EXPECT_EQ(config->backfill.bootstrap, defaults.backfill.bootstrap);
  EXPECT_EQ(config->backfill.gaps, defaults.backfill.gaps);
  EXPECT_EQ(config->backfill.rate_bytes, defaults.backfill.rate_bytes);
}

TEST(DocsTest, TheExampleOfKafkaSaysTheDefaults) {
  const auto config = ParseConfig(ReadDocument("examples/kafka/braid.yaml"), "f", ConfigUse::kAsk);
  const auto least = ParseConfig("name: movies\nstate: s\nshards: 8\nkafka: {brokers: 'h:1'}\n", "f", ConfigUse::kAsk);
  ASSERT_TRUE(config.has_value());
  ASSERT_TRUE(least.has_value()) << least.error().message;
  EXPECT_EQ(config->kafka->mutations_topic, least->kafka->mutations_topic);
  EXPECT_EQ(config->kafka->mutations_retention_us, least->kafka->mutations_retention_us);
  EXPECT_EQ(config->kafka->mutations_compression, least->kafka->mutations_compression);
  EXPECT_EQ(config->kafka->changelog_topic, least->kafka->changelog_topic);
  EXPECT_EQ(config->kafka->schemas_topic, least->kafka->schemas_topic);
  EXPECT_EQ(config->kafka->gaps_topic, least->kafka->gaps_topic);
  EXPECT_EQ(config->kafka->snapshots_topic, least->kafka->snapshots_topic);
  EXPECT_EQ(config->kafka->group, least->kafka->group);
  EXPECT_EQ(config->kafka->exactly_once, least->kafka->exactly_once);
  EXPECT_EQ(config->kafka->commit_interval_us, least->kafka->commit_interval_us);
  EXPECT_EQ(config->kafka->streams_compression, least->kafka->streams_compression);
  // The example's second stream says nothing itself.
  const KafkaStream& said = config->kafka->streams.back();
  const KafkaStream& standard = least->kafka->streams.front();
  EXPECT_EQ(said.format, standard.format);
  EXPECT_EQ(said.tombstones, standard.tombstones);
  EXPECT_EQ(said.truncate, standard.truncate);
  EXPECT_EQ(said.hold_incomplete, standard.hold_incomplete);
  EXPECT_EQ(said.partitions, standard.partitions);
  EXPECT_EQ(said.retention_us, standard.retention_us);
  EXPECT_EQ(said.cleanup, standard.cleanup);
}

}  // namespace
}  // namespace braid
