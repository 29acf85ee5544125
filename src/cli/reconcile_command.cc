#include <fmt/format.h>

#include <memory>
#include <utility>

#include "cli/commands.h"
#include "cli/serve.h"
#include "pipeline/worker/worker.h"

namespace braid {

int RunReconcile(const std::string& config_path) {
  return Serve(config_path, ConfigUse::kReconcile, [](const Config& config, ServiceLog log) -> Result<Service> {
    ASSIGN_OR_RETURN(auto opened, Worker::Open(config, std::move(log)));
    const std::shared_ptr<Worker> worker = std::move(opened);
    Service service;
    service.started = fmt::format("a worker of pipeline {} runs: group {}, state in {}", config.name,
                                  config.kafka->group, config.state);
    service.stats = [worker] { return worker->Stats(); };
    service.run = [worker](std::function<bool()> stop) { return worker->Run(std::move(stop)); };
    return service;
  });
}

}  // namespace braid
