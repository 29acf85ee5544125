// `braid replay`: the logs of any number of nodes become one stream per table, offline, once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/time.h"
#include "pipeline/replay/logs.h"

namespace braid {

struct ReplayOptions {
  std::vector<std::string> nodes;   // NAME=HOME
  std::string out;                  // a directory; made if it is not there
  std::vector<std::string> tables;  // keyspace.table; empty: every captured table
  // The time until which TTLs run out; none: nothing expires after a partition's last write.
  std::optional<UnixSeconds> now;
  bool partial = false;  // the logs are not the tables' whole history
  uint64_t memory_bytes = uint64_t{1} << 30;
  OnCorruption on_corruption = OnCorruption::kStop;
  std::string name = "braid";  // the pipeline's name, in every event
  int64_t machine_time_s = 0;  // the wall clock: no partition's clock is believed past a day after it
  // Called now and then with the part of the whole work that is done, 0 to 1. May be empty.
  std::function<void(const char* step, double done)> progress;
  // Asked often whether to end early; the answer is then kTransient and nothing is left in `out`. May be empty.
  std::function<bool()> stop;
};

// What a replay did, for people.
struct ReplaySummary {
  struct Table {
    std::string name;
    uint64_t changes = 0;
  };
  std::vector<Table> tables;  // in the order of their names
  uint64_t segments = 0;
  uint64_t bytes = 0;
  uint64_t mutations = 0;  // of the tables replayed, copies counted
  uint64_t writes = 0;     // what they were cut into
  uint64_t copies = 0;     // writes that another replica had logged too
  uint64_t overtaken = 0;
  uint64_t silent = 0;  // writes that changed nothing that a reader could see
  uint64_t changes = 0;
  uint64_t spilled_bytes = 0;
  std::vector<std::string> schema_warnings;
  LogReport logs;
};

// Runs it. Writes `out`/<keyspace>.<table>.ndjson for every table, all or none of them. Errors say what, where and what
// to do; on one nothing appears in `out`.
Result<ReplaySummary> Replay(const ReplayOptions& options);

}  // namespace braid
