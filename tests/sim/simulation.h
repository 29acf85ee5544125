// One seeded run of the whole way from encoded logs to a committed stream. See README.md.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "codec/schema.h"
#include "model/commit.h"
#include "reconcile/memory/memory_state.h"
#include "reconcile/reconciler.h"
#include "reconcile/testing/checking_sink.h"
#include "reconcile/testing/toy_random.h"

namespace braid::sim {

// What survives a crash: committed records, timers, positions and changes.
struct Disk {
  std::map<std::string, std::string> records;
  std::set<std::pair<int64_t, std::string>> timers;
  std::map<uint16_t, uint64_t> positions;  // how much of each node's log is in
  std::vector<std::string> changes;
  uint64_t commits = 0;

  // Applies a commit, given as its bytes. Errors: what a store must refuse.
  Status Take(ByteView commit_bytes);
};

class Simulation : public Reconciler::SchemaFinder, public ChangeSink {
 public:
  explicit Simulation(uint64_t seed);
  ~Simulation() override;

  // Runs to the end and checks everything. The error says what promise was broken.
  Status Run();

  // How often it crashed and committed: a run that never does shows little.
  uint64_t crashes() const { return crashes_; }
  uint64_t commits() const { return disk_.commits; }

  const TableSchema* Find(const TableId& table) override;
  Status Emit(const Change& change) override;

 private:
  class LoggedState;

  void WriteLogs();
  void AddToLog(uint16_t node, const Mutation& mutation);
  Status Restart();
  Status ReadOne(uint16_t node);
  Status MaybeCommit();
  Status Commit();
  Status Check();
  Status CheckTimers();

  static constexpr uint16_t kNodes = 3;

  testing::ToyRandom random_;
  const bool counters_;
  SchemaSet schemas_;
  TableSchemaPtr schema_;
  Arena story_arena_;
  std::vector<Mutation> story_;                 // what clients wrote
  std::vector<std::vector<std::string>> logs_;  // what each node logged of it, encoded
  int64_t now_s_;

  Disk disk_;
  // What a crash ends.
  std::unique_ptr<LoggedState> state_;
  std::unique_ptr<Reconciler> reconciler_;
  std::map<uint16_t, uint64_t> positions_;
  braid::Commit pending_;

  uint64_t crashes_ = 0;
};

}  // namespace braid::sim
