// `braid run` on Kafka: an agent and a worker of one configuration in one process. What one sends the other by Kafka
// alone, as if they were on two machines.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "pipeline/agent/agent.h"
#include "pipeline/run/config.h"
#include "pipeline/run/stats.h"
#include "pipeline/worker/worker.h"

namespace braid {

class Whole {
 public:
  // A line for people, and whether it is an alarm. Called from several threads.
  using Log = std::function<void(bool alarm, const std::string& message)>;

  // Both, with the state directory of `config`. Asks no broker. Errors: those of Agent::Open and Worker::Open.
  static Result<std::unique_ptr<Whole>> Open(const Config& config, Log log);

  // Runs until `stop`, which is asked often and from two threads, says so: then the agent ends, and the worker after
  // it. If one of them ends by itself the other one is stopped, too. Errors: of the one that ended first. Called once.
  Status Run(const std::function<bool()>& stop);

  // A moment's view of both. From any thread.
  RunStats Stats() const;

 private:
  Whole(std::unique_ptr<Agent> agent, std::unique_ptr<Worker> worker)
      : agent_(std::move(agent)), worker_(std::move(worker)) {}

  const std::unique_ptr<Agent> agent_;
  const std::unique_ptr<Worker> worker_;
};

// What both tell, as one. Ready if both are.
RunStats JoinStats(RunStats agent, RunStats worker);

}  // namespace braid
