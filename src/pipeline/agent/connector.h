// Within pipeline/agent: reaches Kafka for the first time, however long that takes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "capture/schema_registry.h"
#include "pipeline/run/config.h"
#include "transport/kafka/properties.h"
#include "transport/message/record.h"

namespace braid {

// Makes the pipeline's topics where they are missing, and opens the definitions, in a thread of its own: meanwhile the
// nodes must be guarded. All functions are for one other thread.
class Connector {
 public:
  struct Node {
    NodeFiles files;
    HostId host{};
    bool is_new = false;  // nothing of its log was ever sent: whether that is all of its history must be said
  };
  using Registries = std::vector<std::unique_ptr<SchemaRegistry>>;  // one for each node, in their order

  // `config` must outlive it. `log` is called from its thread.
  Connector(const Config* config, std::vector<Node> nodes, KafkaLog log)
      : config_(config), nodes_(std::move(nodes)), log_(std::move(log)) {}
  // Waits for what is under way, some seconds at most.
  ~Connector();

  void Start();
  // Once, when it is done. Errors: what trying again does not cure.
  std::optional<Result<Registries>> Take();
  // Why it has not come through yet; empty at first.
  std::string problem() const;

 private:
  void Run();
  Result<Registries> Connect();
  Result<std::unique_ptr<SchemaRegistry>> OpenRegistry(const Node& node);

  const Config* const config_;
  const std::vector<Node> nodes_;
  const KafkaLog log_;
  std::thread thread_;
  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  std::string problem_;
  std::optional<Result<Registries>> result_;
};

}  // namespace braid
