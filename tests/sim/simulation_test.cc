#include "simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace braid::sim {
namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Simulation, KeepsThePromisesForEverySeed) {
  const uint64_t first = FromEnvironment("BRAID_SIM_SEED", 1);
  const uint64_t runs = FromEnvironment("BRAID_SIM_RUNS", std::getenv("BRAID_SIM_SEED") == nullptr ? 300 : 1);
  uint64_t crashes = 0;
  uint64_t commits = 0;
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    Simulation simulation(seed);
    const Status status = simulation.Run();
    ASSERT_TRUE(status.has_value()) << "BRAID_SIM_SEED=" << seed << ": " << status.error().message;
    crashes += simulation.crashes();
    commits += simulation.commits();
  }
  if (runs >= 100) {
    EXPECT_GT(crashes, runs);
    EXPECT_GT(commits, 5 * runs);
  }
}

// The simulator must be able to fail: a table that lost a write is found.
TEST(Disk, RefusesACommitOutOfTurn) {
  Disk disk;
  EXPECT_FALSE(disk.Take("").has_value());
}

}  // namespace
}  // namespace braid::sim
