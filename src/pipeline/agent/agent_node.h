// Within pipeline/agent: what the agent keeps of each node.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "pipeline/agent/agent.h"
#include "pipeline/agent/node_outlet.h"
#include "pipeline/feed/feeder.h"

namespace braid {

struct Agent::Node {
  NodeFiles files;
  HostId host{};
  std::string host_text;
  std::string directory;  // of the agent's own files of it
  std::unique_ptr<FileLock> lock;
  std::unique_ptr<SchemaRegistry> schemas;  // once Kafka was reached
  std::unique_ptr<NodeOutlet> outlet;
  std::unique_ptr<Feeder> feeder;
  std::unique_ptr<NodeCapture> capture;

  // Up to where everything was pushed; is acknowledged; is kept in its file.
  Position given;
  std::optional<Position> acked;
  std::optional<Position> stored;

  // What other threads see.
  mutable std::mutex mutex;
  NodeCapture::Stats stats;
  Position told_acked;

  std::string PositionPath() const { return directory + "/position"; }
  std::string LetGoPath() const { return directory + "/let-go"; }
};

// Notes how far the node's log has been given.
class Agent::Sink : public CaptureSink {
 public:
  explicit Sink(Node* node) : node_(node) {}
  Status OnTransaction(const Transaction& transaction) override { return node_->feeder->OnTransaction(transaction); }
  Status OnTruncation(const Truncation& truncation) override { return node_->feeder->OnTruncation(truncation); }
  Status OnGap(const Gap& gap) override { return node_->feeder->OnGap(gap); }
  Status OnProgress(const CaptureProgress& progress) override {
    TRY(node_->feeder->OnProgress(progress));
    node_->given = progress.position;
    return {};
  }

 private:
  Node* const node_;
};

}  // namespace braid
