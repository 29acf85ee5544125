#include "control/status.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "control/http.h"
#include "control/stats_test_util.h"

namespace braid {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(StatusTest, TheJsonHasEverything) {
  const auto json = nlohmann::json::parse(RenderStatusJson(SomeStats()));
  EXPECT_EQ(json["name"], "movies");
  EXPECT_EQ(json["ready"], true);
  EXPECT_EQ(json["not_ready"], nullptr);
  EXPECT_EQ(json["lag_us"], 90'000'000);
  EXPECT_EQ(json["nodes"][0]["position"]["segment"], 1700000000123);
  EXPECT_EQ(json["nodes"][0]["position"]["offset"], 4711);
  EXPECT_EQ(json["nodes"][1]["position"]["offset"], nullptr);
  EXPECT_EQ(json["nodes"][1]["reachable"], false);
  EXPECT_EQ(json["nodes"][1]["last_write_us"], nullptr);
  EXPECT_EQ(json["shards"].size(), 2u);
  EXPECT_EQ(json["shards"][1]["shard"], 1);
  EXPECT_EQ(json["shards"][0]["copies_absorbed"], 321);
  EXPECT_EQ(json["open_gaps"][0]["reason"], "overflow");
  EXPECT_EQ(json["open_gaps"][0]["node"], "n2");
  EXPECT_EQ(json["backfills"][0]["state"], "done");
  EXPECT_EQ(json["backfills"][1]["state"], "running");
  EXPECT_EQ(json["backfills"][1]["running_us"], 60'000'000);
  EXPECT_EQ(json["backfills"][2]["comparison"]["extra"], 1);
  EXPECT_EQ(json["backfills"][2]["comparison"]["samples"][0], "{}");
  EXPECT_EQ(json["streams"][0]["tables"][0], "vault.titles");
  EXPECT_EQ(json["write_to_publish"]["count"], 4);
  EXPECT_EQ(json["write_to_publish"]["p50_us"], 4096);
}

TEST(StatusTest, BytesThatAreNoTextDoNotBreakTheJson) {
  RunStats stats = SomeStats();
  stats.alarms = {"a file \xff\xfe"};
  EXPECT_TRUE(nlohmann::json::accept(RenderStatusJson(stats)));
}

TEST(StatusTest, AGapOfANodeThatIsGoneIsShownByNumber) {
  RunStats stats = SomeStats();
  stats.open_gaps[0].node = NodeIndex{9};
  EXPECT_EQ(nlohmann::json::parse(RenderStatusJson(stats))["open_gaps"][0]["node"], "9");
}

TEST(StatusTest, PeopleSeeWhatMatters) {
  RunStats stats = SomeStats();
  EXPECT_EQ(*RenderStatus(RenderStatusJson(stats)), R"(movies: ready
  braid 1.2.3, up 2 h 0 min

  Nodes  state               lag  unread  cdc_raw           of            position  mutations  corrupt  gaps
  n1     ok                1.5 s     0 B   64 MiB  4 GiB (2 %)  1700000000123:4711        321        0     0
  n2     UNREACHABLE  1 min 30 s     0 B   64 MiB  4 GiB (2 %)   1700000000456:end        321        0     0

  Shards  changes  late  expired  copies  overtaken  held  queue  state  cache hits  timeline       kept
  0           300     4        0     321          0    17    0 B    0 B        75 %   121 KiB  2 h 0 min
  1             0     0        0       0          0     0    0 B    0 B           -       0 B          -

  Streams        tables
  public-titles  vault.titles
  empty          none yet

Open gaps: 1
  ! n2 overflow every table 1700000000400:end to 1700000000401:end, seen 2023-11-14T22:13:20Z
      cdc_raw of n2 was full

  Backfills  table         cause      state     read     of       left
  1          vault.titles  gap        done         -      -          -
  2          vault.titles  bootstrap  running  1 GiB  3 GiB  2 min 0 s
  3          vault.titles  verify     waiting      -      -          -

Write to publish: half within 4 ms, 99 % within 8.3 s, 99.9 % within 8.3 s
Disk: 5 GiB of 20 GiB used, 100 GiB free on the volume
Memory: 300 MiB resident, 512 MiB configured
Retention: 7 d 0 h, within the disk
)");
  stats.ready = false;
  stats.not_ready = "n1 is \x1b[2J far behind";
  stats.alarms = {"disk full"};
  stats.open_gaps.clear();
  const std::string text = *RenderStatus(RenderStatusJson(stats));
  EXPECT_THAT(text, HasSubstr("movies: NOT READY: n1 is ?[2J far behind\n"));
  EXPECT_THAT(text, HasSubstr("\nAlarms\n  ! disk full\n"));
  EXPECT_THAT(text, HasSubstr("\nOpen gaps: none\n"));
}

TEST(StatusTest, AnAgentTellsWhatBrokersHave) {
  RunStats stats = SomeStats();
  stats.shards.clear();
  stats.nodes[0].acked = Position{NodeIndex{0}, SegmentId{1700000000123}, 4000};
  stats.outlet = OutletStats{
      .records = 110, .acked = 100, .bytes = 9999, .queued = 10, .queue_bytes = 2048, .silent_us = 12'000'000};
  const std::string rendered = RenderStatusJson(stats);
  const auto json = nlohmann::json::parse(rendered);
  EXPECT_EQ(json["nodes"][0]["acknowledged"]["offset"], 4000);
  EXPECT_FALSE(json["nodes"][1].contains("acknowledged"));
  EXPECT_THAT(*RenderStatus(rendered),
              HasSubstr("\nKafka: 100 records acknowledged, 10 wait (2 KiB), no broker has answered for 12.0 s\n"));
  EXPECT_THAT(*RenderStatus(rendered), Not(HasSubstr("Shards")));
}

TEST(StatusTest, AnAgentTellsWhosePartItReads) {
  RunStats stats = SomeStats();
  stats.backfills.clear();
  EXPECT_FALSE(nlohmann::json::parse(RenderStatusJson(SomeStats()))["backfills"][0].contains("part"));
  stats.backfills.push_back({.id = 7, .table = "vault.titles", .part = "shard 3 of n1", .running = true});
  EXPECT_THAT(*RenderStatus(RenderStatusJson(stats)),
              HasSubstr("\n  7          vault.titles, shard 3 of n1  asked  running"));
}

TEST(StatusTest, OfManyBackfillsThoseAreShownThatHaveNotEnded) {
  RunStats stats = SomeStats();
  stats.backfills.clear();
  for (uint64_t id = 1; id <= 40; ++id) {
    BackfillStats backfill;
    backfill.id = id;
    backfill.table = fmt::format("vault.t{}", id);
    backfill.running = id == 3;
    const bool ended = id != 3 && (id < 10 || id >= 25);
    backfill.state = ended ? BackfillTask::State::kDone : BackfillTask::State::kWaiting;
    stats.backfills.push_back(backfill);
  }
  const std::string text = *RenderStatus(RenderStatusJson(stats));
  EXPECT_THAT(text, HasSubstr("\n  3          vault.t3   asked  running"));
  EXPECT_THAT(text, HasSubstr("\n  10         vault.t10  asked  waiting"));
  EXPECT_THAT(text, HasSubstr("\n  24         vault.t24  asked  waiting"));
  EXPECT_THAT(text, HasSubstr("\n  40         vault.t40  asked  done"));
  EXPECT_THAT(text, Not(HasSubstr("vault.t4 ")));
  EXPECT_THAT(text, Not(HasSubstr("vault.t36 ")));
  EXPECT_THAT(text, HasSubstr("\n  and 20 more: --json\n"));
}

TEST(StatusTest, ARetiredNodeIsNotBehind) {
  RunStats stats = SomeStats();
  stats.nodes[1].retired = true;
  EXPECT_THAT(*RenderStatus(RenderStatusJson(stats)), HasSubstr("\n  n2     retired      -     0 B"));
  EXPECT_EQ(nlohmann::json::parse(RenderStatusJson(stats))["lag_us"], 1'500'000);
}

TEST(StatusTest, JsonOfAnotherVersionIsShownAsFarAsItGoes) {
  for (const char* json :
       {"{}", R"({"nodes":[{}],"shards":[3],"open_gaps":[null],"streams":[{"tables":7}],"alarms":[1]})",
        R"({"nodes":{"a":[]},"now_us":-9223372036854775808,"open_gaps":[{"seen_us":1e30}]})",
        R"({"disk_used_bytes":18446744073709551615,"retention_us":"x","write_to_publish":[]})"}) {
    EXPECT_TRUE(RenderStatus(json).has_value()) << json;
  }
  for (const char* json : {"", "[]", "{", "<html>"}) EXPECT_FALSE(RenderStatus(json).has_value()) << json;
}

class FetchTest : public ::testing::Test {
 protected:
  FetchTest() {
    config_.path = "braid.yaml";
    config_.name = "movies";
    config_.http.host = "127.0.0.1";
  }

  void Serve(const std::string& host) {
    auto server = HttpServer::Start(host, 0, [] { return SomeStats(); });
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = *std::move(server);
    config_.http.port = server_->port();
  }

  Config config_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(FetchTest, WhatRunsIsAsked) {
  Serve("127.0.0.1");
  const auto json = FetchStatus(config_);
  ASSERT_TRUE(json.has_value()) << json.error().message;
  EXPECT_EQ(*json, RenderStatusJson(SomeStats()));
}

TEST_F(FetchTest, AnAddressForAllIsAskedByLoopback) {
  Serve("0.0.0.0");
  config_.http.host = "0.0.0.0";
  EXPECT_TRUE(FetchStatus(config_).has_value());
}

TEST_F(FetchTest, WhatDoesNotRunIsSaidSo) {
  Serve("127.0.0.1");
  server_.reset();
  const auto json = FetchStatus(config_);
  ASSERT_FALSE(json.has_value());
  EXPECT_EQ(json.error().code, ErrorCode::kTransient);
  EXPECT_THAT(json.error().message, HasSubstr("(no connection): the pipeline 'movies' does not run"));
  EXPECT_THAT(json.error().message, HasSubstr("braid run --config braid.yaml"));
}

TEST_F(FetchTest, WithoutHttpThereIsNobodyToAsk) {
  const auto json = FetchStatus(config_);
  ASSERT_FALSE(json.has_value());
  EXPECT_THAT(json.error().message, HasSubstr("braid.yaml: has no http;"));
}

TEST_F(FetchTest, AnotherPipelineIsNotTakenForThisOne) {
  Serve("127.0.0.1");
  config_.name = "books";
  const auto json = FetchStatus(config_);
  ASSERT_FALSE(json.has_value());
  EXPECT_THAT(json.error().message, HasSubstr("the pipeline 'movies' answers there, not 'books'"));
}

}  // namespace
}  // namespace braid
