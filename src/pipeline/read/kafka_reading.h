// Within pipeline/read: a stream of a pipeline on Kafka, from its topics.
#pragma once

#include <string>

#include "base/result.h"
#include "pipeline/read/read_stream.h"

namespace braid {

// ReadStream where `config` has kafka. Commits nothing, and is in no consumer group. Sees committed records alone; what
// a transaction that is open at the beginning holds, and what comes behind it, belongs to a later read.
Result<std::string> ReadKafkaStream(const Config& config, const ReadOptions& options, const StreamSpec& spec);

}  // namespace braid
