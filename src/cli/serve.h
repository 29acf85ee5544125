// What commands that stream until they are stopped have in common.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "control/config.h"
#include "pipeline/run/stats.h"

namespace braid {

// From now on SIGINT and SIGTERM ask to end in good order; a second one ends the program at once, which loses nothing
// either.
void StopOnSignals();
// Whether one came.
bool StopAsked();

// Something that streams.
struct Service {
  std::string started;  // a line for the log
  std::function<RunStats()> stats;
  std::function<Status(std::function<bool()> stop)> run;
};

using ServiceLog = std::function<void(bool alarm, const std::string& message)>;

// Reads the configuration, opens what `open` makes of it, serves its HTTP pages and runs it until it is stopped. Gives
// the command's exit code.
int Serve(const std::string& config_path, ConfigUse use,
          const std::function<Result<Service>(const Config& config, ServiceLog log)>& open);

}  // namespace braid
