#include "sim/pipeline/pipeline_simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

namespace braid::sim {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(PipelineSimulation, KeepsThePromisesForEverySeed) {
  const uint64_t first = FromEnvironment("BRAID_SIM_SEED", 1);
  const uint64_t runs = FromEnvironment("BRAID_SIM_RUNS", std::getenv("BRAID_SIM_SEED") == nullptr ? 300 : 1);
  PipelineSimulation::Counts counts;
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    PipelineSimulation simulation(seed);
    const Status status = simulation.Run();
    if (!status.has_value() && runs == 1) {
      for (const std::string& line : simulation.trace()) std::cerr << line << "\n";
    }
    ASSERT_TRUE(status.has_value()) << "BRAID_SIM_SEED=" << seed << ": " << status.error().message;
    counts.crashes += simulation.counts().crashes;
    counts.commits += simulation.counts().commits;
    counts.full += simulation.counts().full;
    counts.records += simulation.counts().records;
    counts.restarts += simulation.counts().restarts;
    counts.patient += simulation.counts().patient;
  }
  if (runs < 100) return;
  EXPECT_GT(counts.crashes, 2 * runs);
  EXPECT_GT(counts.commits, 20 * runs);
  EXPECT_GT(counts.full, runs / 10);
  EXPECT_GT(counts.records, 10 * runs);
  EXPECT_GT(counts.restarts, runs);
  EXPECT_GT(counts.patient, runs / 20);
}

// The simulator must be able to fail.
uint64_t Found(Broken broken) {
  uint64_t found = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    if (!PipelineSimulation(seed, broken).Run().has_value()) ++found;
  }
  return found;
}

TEST(BrokenPipeline, PositionsBeforeTheirStateAreFound) {
  EXPECT_GT(Found(Broken::kMarkBeforeState), 10u);
}
TEST(BrokenPipeline, ReadersBeforeTheStateAreFound) {
  EXPECT_GT(Found(Broken::kPublishBeforeState), 3u);
}
TEST(BrokenPipeline, SegmentsLetGoOfTooEarlyAreFound) {
  EXPECT_GT(Found(Broken::kReleaseUnread), 3u);
}

}  // namespace
}  // namespace braid::sim
