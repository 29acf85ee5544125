// What a running pipeline answers to whoever may reach its address: alive? ready? metrics, status.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "pipeline/run/stats.h"

namespace braid {

// GET, each answered anew and never cached:
//   /livez    200 as long as the process answers
//   /readyz   200 if RunStats::ready, else 503 with the reason
//   /metrics  RenderMetrics
//   /status   RenderStatusJson
// No password, no encryption: meant for this machine. Four threads of its own; a client that is slow, talks too much or
// sends a body is cut off.
class HttpServer {
 public:
  // Called from the server's threads, one call at a time.
  using StatsFunction = std::function<RunStats()>;

  // Listens at once. `port` 0: any that is free. kInvalidArgument, with the cure, if the address cannot be had.
  static Result<std::unique_ptr<HttpServer>> Start(const std::string& host, int port, StatsFunction stats);

  // Stops within about a second, whatever clients do. `stats` is not called any more.
  virtual ~HttpServer() = default;

  virtual int port() const = 0;
};

}  // namespace braid
