#include "control/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>

#include "control/stats_test_util.h"

namespace braid {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Each sample line's value by its name and labels.
std::map<std::string, std::string> Samples(const std::string& text) {
  std::map<std::string, std::string> samples;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = line.rfind(' ');
    EXPECT_TRUE(samples.emplace(line.substr(0, space), line.substr(space + 1)).second) << line;
  }
  return samples;
}

TEST(MetricsTest, EveryValueIsUnderItsName) {
  const auto samples = Samples(RenderMetrics(SomeStats()));
  const std::map<std::string, double> expected = {
      {"braid_build_info{pipeline=\"movies\",version=\"1.2.3\"}", 1},
      {"braid_ready", 1},
      {"braid_alarms", 0},
      {"braid_lag_seconds", 90},
      {"braid_node_lag_seconds{node=\"n1\"}", 1.5},
      {"braid_node_reachable{node=\"n1\"}", 1},
      {"braid_node_reachable{node=\"n2\"}", 0},
      {"braid_node_mutations_total{node=\"n1\"}", 321},
      {"braid_node_cdc_raw_bytes{node=\"n1\"}", 64 << 20},
      {"braid_node_last_write_timestamp_seconds{node=\"n1\"}", 1'700'000'001.5},
      {"braid_node_last_write_timestamp_seconds{node=\"n2\"}", 0},
      {"braid_mutations_total{shard=\"0\"}", 642},
      {"braid_copies_absorbed_total{shard=\"0\"}", 321},
      {"braid_late_changes_total{shard=\"0\"}", 4},
      {"braid_changes_total{shard=\"1\"}", 0},
      {"braid_held_mutations{shard=\"0\"}", 17},
      {"braid_timeline_bytes{shard=\"0\"}", 123'456},
      {"braid_gaps_open{reason=\"overflow\"}", 1},
      {"braid_gaps_open{reason=\"corrupt\"}", 0},
      {"braid_backfills{state=\"running\"}", 1},
      {"braid_backfills{state=\"done\"}", 1},
      {"braid_backfill_total_bytes", 3.0 * (1 << 30)},
      {"braid_disk_limit_bytes", 20.0 * (1 << 30)},
      {"braid_retention_seconds", 7 * 86400},
  };
  for (const auto& [name, value] : expected) {
    ASSERT_TRUE(samples.contains(name)) << name;
    EXPECT_DOUBLE_EQ(std::strtod(samples.at(name).c_str(), nullptr), value) << name;
  }
}

TEST(MetricsTest, TheHistogramIsCumulative) {
  const auto samples = Samples(RenderMetrics(SomeStats()));
  const auto count = [&](const std::string& name) { return samples.at("braid_write_to_publish_seconds_" + name); };
  EXPECT_EQ(count("bucket{le=\"0.000128\"}"), "1");
  EXPECT_EQ(count("bucket{le=\"0.002048\"}"), "1");
  EXPECT_EQ(count("bucket{le=\"0.004096\"}"), "3");
  EXPECT_EQ(count("bucket{le=\"+Inf\"}"), "4");
  EXPECT_EQ(count("count"), "4");
  EXPECT_DOUBLE_EQ(std::strtod(count("sum").c_str(), nullptr), 5.0061);
}

TEST(MetricsTest, EveryFamilyHasHelpAndTypeAndFollowsTheConventions) {
  std::istringstream in(RenderMetrics(SomeStats()));
  std::set<std::string> helped;
  size_t families = 0;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string hash, what, name, type;
    words >> hash >> what >> name >> type;
    if (hash != "#") continue;
    EXPECT_EQ(name.substr(0, 6), "braid_");
    if (what == "HELP") {
      EXPECT_TRUE(helped.insert(name).second) << name;
      continue;
    }
    ASSERT_EQ(what, "TYPE");
    ++families;
    EXPECT_TRUE(helped.contains(name)) << name;
    EXPECT_EQ(type == "counter", name.ends_with("_total")) << name;
  }
  EXPECT_GT(families, 40u);
}

TEST(MetricsTest, ALabelThatNeedsItIsEscaped) {
  RunStats stats = SomeStats();
  stats.nodes[0].name = "a\"b\\c\nd";
  EXPECT_THAT(RenderMetrics(stats), HasSubstr("braid_node_reachable{node=\"a\\\"b\\\\c\\nd\"} 1"));
}

TEST(MetricsTest, APipelineThatJustStartedHasMetricsToo) {
  const std::string text = RenderMetrics(RunStats());
  EXPECT_THAT(text, HasSubstr("braid_ready 0"));
  EXPECT_THAT(text, HasSubstr("braid_write_to_publish_seconds_count 0"));
  EXPECT_THAT(text, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace braid
