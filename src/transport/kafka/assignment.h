// What a member of a group of consumers was given, as the group keeps it.
// Inside this room only.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "transport/kafka/properties.h"

namespace braid::kafka {

// Nothing in, nothing out: a member that was not given anything yet. Of later versions only what version 0 has is read;
// they add to its end. kCorrupt.
// Learned from Kafka's ConsumerProtocolAssignment.json (clients/src/main/resources/common/message).
Result<std::vector<KafkaPartition>> DecodeAssignment(ByteView bytes);

}  // namespace braid::kafka
