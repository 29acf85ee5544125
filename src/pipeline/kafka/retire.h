// Lets a node of a pipeline on Kafka go.
#pragma once

#include <string>

#include "base/result.h"
#include "pipeline/run/config.h"

namespace braid {

// Tells every shard that nothing more comes of the node with this host id ("6a1f0d2e-…"): it holds back no TTL and no
// purge any more. Waits for the brokers' word, some seconds. Whether there was such a node nobody here knows. Errors:
// kInvalidArgument (no host id; the topic has other partitions), kTransient (no broker answers).
Status RetireOnKafka(const Config& config, const std::string& host_id);

}  // namespace braid
