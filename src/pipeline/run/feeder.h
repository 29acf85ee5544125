// Within pipeline/run: what capture gives, put on the channels of the shards that it is for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "capture/node_capture.h"
#include "pipeline/run/hosts.h"

namespace braid {

class Pipeline::Feeder : public CaptureSink {
 public:
  Feeder(NodeHost* node, const Pipeline& pipeline)
      : node_(node),
        shards_(&pipeline.shards_),
        identity_(&pipeline.identity_),
        schemas_(pipeline.schemas_.get()),
        exclude_(&pipeline.config_.exclude),
        tell_([&pipeline](const std::string& alarm) { pipeline.Tell(true, alarm); }) {}

  Status OnTransaction(const Transaction& transaction) override;
  Status OnTruncation(const Truncation& truncation) override;
  Status OnGap(const Gap& gap) override;
  Status OnProgress(const CaptureProgress& progress) override;

 private:
  Status Push(const Transaction& transaction, bool again);
  Status PushToAll(const Message& message);
  bool IsCaptured(const TableId& id) const;
  Status PushTruncation(const Truncation& truncation);
  Status PushTruncationsWithin(const Gap& gap);

  NodeHost* node_;
  const std::vector<std::unique_ptr<ShardHost>>* shards_;
  const PipelineIdentity* identity_;
  const SchemaRegistry* schemas_;
  const std::vector<std::string>* exclude_;
  std::function<void(const std::string& alarm)> tell_;
};

}  // namespace braid
