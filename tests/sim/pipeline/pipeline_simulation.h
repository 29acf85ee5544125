// One seeded run of the whole pipeline: from the commit logs of three nodes to what readers of the timelines see, with
// crashes at any call of the file system. See README.md.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/testing/memory_file_system.h"
#include "capture/node_capture.h"
#include "pipeline/shard/shard.h"
#include "reconcile/testing/memory_durable_state.h"
#include "reconcile/testing/toy_random.h"
#include "sim/pipeline/node_model.h"
#include "timeline/reader.h"
#include "timeline/writer.h"
#include "transport/direct/channel.h"

namespace braid::sim {

// A fault of ours, put in to show that the simulation finds it.
enum class Broken : uint8_t {
  kNothing,
  kMarkBeforeState,     // the positions become durable before the state that they stand for
  kPublishBeforeState,  // readers see what is not committed
  kReleaseUnread,       // segments are let go of before they are committed
};

class PipelineSimulation {
 public:
  explicit PipelineSimulation(uint64_t seed, Broken broken = Broken::kNothing);
  ~PipelineSimulation();

  // Runs to the end and checks everything. The error says what promise was broken.
  Status Run();

  // What happened, so that a run in which nothing did is seen.
  struct Counts {
    uint64_t crashes = 0;
    uint64_t commits = 0;
    uint64_t full = 0;      // commits that found the disk full
    uint64_t records = 0;   // that readers saw
    uint64_t restarts = 0;  // of nodes
    uint64_t patient = 0;   // runs whose stream was to be a replay's
  };
  const Counts& counts() const { return counts_; }
  // What was done, a line each.
  const std::vector<std::string>& trace() const { return trace_; }

 private:
  class Registry;
  class Feed;
  struct Process;

  // What a reader of one timeline has seen.
  struct Tail {
    std::unique_ptr<TimelineReader> reader;
    std::vector<std::string> seen;
  };

  static constexpr uint16_t kNodes = 3;

  void WriteStory();
  Status Act();
  Status ActOnNode(uint16_t node);
  Status ActOnProcess();
  void PutFault();
  void Trace(std::string line) { trace_.push_back(std::to_string(now_us_) + " " + std::move(line)); }
  // What an error of the process comes to: a crash, nothing, or the end of the run.
  Status Survive(const Status& status);
  Status Crash();
  Status Start();
  Status StartShard(uint32_t shard);
  Status StartCapture(uint16_t node);

  Status Capture(uint16_t node, uint64_t max_bytes);
  Status TakeSome(uint32_t shard, size_t most);
  Status Commit(uint32_t shard);
  Status Release(uint16_t node);
  // The least position of the node that the shards have committed.
  std::optional<Position> Committed(uint16_t node) const;
  Status Read(uint32_t shard, bool anew);

  Status Finish();
  bool AtRest() const;
  Status Check();
  Status CheckAgainstReplay(const std::vector<std::string>& lines);

  testing::ToyRandom random_;
  const Broken broken_;
  Counts counts_;
  std::vector<std::string> trace_;
  int64_t now_us_ = testing::ToyRandom::kFirstSecond * 1'000'000;
  bool counters_ = false;
  bool patient_ = false;  // everything waits for everything: the stream must be a replay's
  uint32_t shards_ = 1;
  Shard::Options shard_options_;
  NodeCapture::Tail tail_ = NodeCapture::Tail::kSynced;

  std::unique_ptr<Registry> registry_;
  Arena story_arena_;
  std::vector<Mutation> story_;  // what clients wrote

  // The nodes, and what each has still to log.
  MemoryFileSystem cluster_;
  std::vector<std::unique_ptr<NodeModel>> nodes_;
  std::vector<std::deque<std::string>> unlogged_;

  // What survives a crash.
  MemoryFileSystem disk_;
  std::vector<testing::MemoryDurableState::Disk> states_;
  std::vector<testing::MemoryDurableState::Disk> before_;  // as the states were before their last commits

  std::unique_ptr<Process> process_;
  bool faults_ = true;  // may be put
  bool armed_ = false;  // one is waiting for its call
  bool power_ = false;  // and it is a power cut
  std::vector<Tail> tails_;
};

}  // namespace braid::sim
