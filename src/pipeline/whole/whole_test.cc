#include "pipeline/whole/whole.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace braid {
namespace {

using testing::ElementsAre;

RunStats OfAgent() {
  RunStats stats;
  stats.name = "movies";
  stats.started_us = 1;
  stats.now_us = 3;
  stats.nodes.resize(1);
  stats.nodes[0].name = "n1";
  stats.outlet.emplace().acked = 7;
  return stats;
}

RunStats OfWorker() {
  RunStats stats;
  stats.name = "movies";
  stats.started_us = 2;
  stats.now_us = 4;
  stats.shards.resize(2);
  stats.inlets.resize(2);
  return stats;
}

TEST(JoinStatsTest, WhatBothTell) {
  const RunStats both = JoinStats(OfAgent(), OfWorker());
  EXPECT_EQ(both.name, "movies");
  EXPECT_EQ(both.started_us, 1);
  EXPECT_EQ(both.now_us, 4);
  ASSERT_EQ(both.nodes.size(), 1u);
  EXPECT_EQ(both.outlet->acked, 7u);
  EXPECT_EQ(both.shards.size(), 2u);
  EXPECT_EQ(both.inlets.size(), 2u);
  EXPECT_TRUE(both.ready);
}

TEST(JoinStatsTest, ReadyOnlyIfBothAre) {
  RunStats agent = OfAgent();
  agent.not_ready = "it connects to Kafka";
  RunStats both = JoinStats(agent, OfWorker());
  EXPECT_FALSE(both.ready);
  EXPECT_EQ(both.not_ready, "it connects to Kafka");

  RunStats worker = OfWorker();
  worker.not_ready = "shard 0 is being restored";
  both = JoinStats(OfAgent(), worker);
  EXPECT_FALSE(both.ready);
  EXPECT_EQ(both.not_ready, "shard 0 is being restored");

  // A worker that heard of no lag does not make up for an agent that is behind.
  agent = OfAgent();
  agent.nodes[0].lag_us = int64_t{3600} * 1'000'000;
  EXPECT_FALSE(JoinStats(agent, OfWorker()).ready);
}

TEST(JoinStatsTest, AlarmsOfBothEachOnce) {
  RunStats agent = OfAgent();
  agent.alarms = {"no broker answers", "cdc_raw is full"};
  RunStats worker = OfWorker();
  worker.alarms = {"no broker answers"};
  EXPECT_THAT(JoinStats(agent, worker).alarms, ElementsAre("no broker answers", "cdc_raw is full"));
}

TEST(JoinStatsTest, AGapsNodeIsNotNamedAfterAnotherOne) {
  RunStats worker = OfWorker();
  worker.open_gaps.resize(2);
  worker.open_gaps[1].node = NodeIndex{4};
  const RunStats both = JoinStats(OfAgent(), worker);
  for (const Gap& gap : both.open_gaps) EXPECT_NE(gap.node, both.nodes[0].index);
}

}  // namespace
}  // namespace braid
