#include "cli/serve.h"

#include <fmt/format.h>

#include <atomic>
#include <csignal>

#include "cli/commands.h"
#include "control/http.h"
#include "control/log.h"

namespace braid {
namespace {

std::atomic<bool> stop_asked = false;
static_assert(std::atomic<bool>::is_always_lock_free);

Status ServeUntilStopped(const std::string& config_path, ConfigUse use,
                         const std::function<Result<Service>(const Config& config, ServiceLog log)>& open) {
  ASSIGN_OR_RETURN(const Config config, ReadConfig(config_path, use));
  StopOnSignals();
  // A client of the HTTP pages that goes away ends nothing.
  std::signal(SIGPIPE, SIG_IGN);
  const auto lines = Log::Make({.fields = {{"pipeline", config.name}}});
  const auto log = lines->Callback();
  ASSIGN_OR_RETURN(const Service service, open(config, log));
  std::unique_ptr<HttpServer> http;
  if (config.http.port != 0) {
    ASSIGN_OR_RETURN(http, HttpServer::Start(config.http.host, config.http.port, service.stats));
  }
  log(false, service.started);
  Status ran = service.run(StopAsked);
  // Said at once: to close everything may take a while.
  log(!ran.has_value(), ran.has_value() ? "stopped: everything that was read is committed"
                                        : fmt::format("it cannot go on: {}", ran.error().message));
  return ran;
}

}  // namespace

void StopOnSignals() {
  struct sigaction action = {};
  action.sa_handler = [](int) { stop_asked = true; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool StopAsked() {
  return stop_asked;
}

int Serve(const std::string& config_path, ConfigUse use,
          const std::function<Result<Service>(const Config& config, ServiceLog log)>& open) {
  const Status served = ServeUntilStopped(config_path, use, open);
  return served.has_value() ? 0 : Fail(served.error());
}

}  // namespace braid
