// `braid capture`: a stage of a pipeline on Kafka.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "cli/commands.h"
#include "cli/serve.h"
#include "cli/terminal.h"
#include "control/config_files.h"
#include "pipeline/agent/agent.h"

namespace braid {
namespace {

// What of the agent's own nodes is not as it must be; the others are on other machines.
Status CheckNodes(const Config& config, const std::vector<std::string>& names) {
  std::string mistakes;
  for (const NodeFiles& node : config.nodes) {
    if (std::ranges::find(names, node.name) == names.end()) continue;
    for (const std::string& mistake : CheckNodeDirectories(node)) {
      mistakes += fmt::format("{}{}: node {}: {}", mistakes.empty() ? "" : "\n", config.path, node.name, mistake);
    }
  }
  if (!mistakes.empty()) return InvalidArgument(mistakes);
  return {};
}

}  // namespace

int RunCapture(const CaptureArguments& arguments) {
  const auto open = [&arguments](const Config& config, ServiceLog log) -> Result<Service> {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, Agent::Choose(config, arguments.nodes));
    TRY(CheckNodes(config, names));
    ASSIGN_OR_RETURN(auto opened, Agent::Open(config, names, std::move(log)));
    const std::shared_ptr<Agent> agent = std::move(opened);
    Service service;
    service.started = fmt::format("the agent of {} runs for pipeline {}, positions in {}", fmt::join(names, ", "),
                                  config.name, config.state);
    service.stats = [agent] { return agent->Stats(); };
    service.run = [agent](const std::function<bool()>& stop) { return agent->Run(stop); };
    return service;
  };
  return Serve(arguments.config, ConfigUse::kCapture, open);
}

}  // namespace braid
