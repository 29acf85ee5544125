#include "pipeline/whole/whole.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

namespace braid {

Result<std::unique_ptr<Whole>> Whole::Open(const Config& config, Log log) {
  ASSIGN_OR_RETURN(const std::vector<std::string> nodes, Agent::Choose(config, {}));
  ASSIGN_OR_RETURN(auto agent, Agent::Open(config, nodes, log));
  ASSIGN_OR_RETURN(auto worker, Worker::Open(config, std::move(log)));
  return std::unique_ptr<Whole>(new Whole(std::move(agent), std::move(worker)));
}

Status Whole::Run(const std::function<bool()>& stop) {
  enum class Ended { kNone, kAgent, kWorker };
  std::atomic<Ended> first = Ended::kNone;
  Status of_agent;
  Status of_worker;
  const auto note = [&first](Ended who) {
    Ended none = Ended::kNone;
    first.compare_exchange_strong(none, who);
  };
  {
    const std::jthread agent([&] {
      of_agent = agent_->Run([&] { return stop() || first != Ended::kNone; });
      note(Ended::kAgent);
    });
    // The agent hears of `stop`, the worker of the agent's end.
    const std::jthread worker([&] {
      of_worker = worker_->Run([&] { return first != Ended::kNone; });
      note(Ended::kWorker);
    });
  }
  const bool agent_first = first == Ended::kAgent;
  const Status& earlier = agent_first ? of_agent : of_worker;
  const Status& later = agent_first ? of_worker : of_agent;
  return earlier.has_value() ? later : earlier;
}

RunStats Whole::Stats() const {
  return JoinStats(agent_->Stats(), worker_->Stats());
}

RunStats JoinStats(RunStats agent, RunStats worker) {
  RunStats stats = std::move(worker);
  stats.nodes = std::move(agent.nodes);
  // Each shard of a worker numbers the nodes by itself: its gaps are told with that number rather than another's name.
  NodeIndex unused{0};
  for (const Gap& gap : stats.open_gaps) {
    unused.value = std::max(unused.value, static_cast<uint16_t>(gap.node.value + 1));
  }
  for (NodeStats& node : stats.nodes) node.index.value = unused.value++;
  stats.outlet = std::move(agent.outlet);
  stats.started_us = std::min(stats.started_us, agent.started_us);
  stats.now_us = std::max(stats.now_us, agent.now_us);
  for (std::string& alarm : agent.alarms) {
    if (std::ranges::find(stats.alarms, alarm) == stats.alarms.end()) stats.alarms.push_back(std::move(alarm));
  }
  if (!agent.not_ready.empty()) stats.not_ready = std::move(agent.not_ready);
  stats.JudgeReady();
  return stats;
}

}  // namespace braid
