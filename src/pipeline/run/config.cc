#include "pipeline/run/config.h"

#include <fmt/format.h>

namespace braid {

NodeCapture::Options CaptureOptionsOf(const Config& config, const NodeFiles& files, NodeIndex node) {
  NodeCapture::Options options;
  options.files = files;
  options.node = node;
  options.tail = config.tail;
  options.on_corruption = config.on_corruption;
  options.on_overflow = config.on_overflow;
  options.cdc_space_bytes = config.cdc_space_bytes;
  options.sync_slack_us = config.sync_slack_us;
  options.schema_wait_us = config.schema_wait_us;
  options.exclude = config.exclude;
  return options;
}

std::string WhyNoSnapshot(const Config& config, const NodeFiles& files) {
  if (!files.commitlog.empty()) return "";
  return fmt::format("what node {} has not flushed can only be read in its commitlog directory; name it in {}",
                     files.name, config.path);
}

}  // namespace braid
