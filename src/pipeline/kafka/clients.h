// What agents and workers of one pipeline have in common: how they reach the brokers, and the topics between them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/run/config.h"
#include "transport/kafka/admin.h"
#include "transport/kafka/properties.h"
#include "transport/message/record.h"

namespace braid {

// The properties of every client, with the brokers. The configuration must have a `kafka` (CHECKed here and below).
KafkaProperties ClientProperties(const Config& config);

// The topics that a pipeline keeps for itself: mutations, changelog, schemas, gaps, and the requests of snapshots.
std::vector<KafkaTopic> PipelineTopics(const Config& config);

// The topic in which a node's agent says what the node has of a table's past (transport/message/snapshot_record.h). The
// agent makes it.
KafkaTopic SnapshotTopic(const Config& config, const HostId& host);

// The key of a shard's request in the topic of requests.
std::string SnapshotRequestKey(uint32_t shard);

// Makes those that are not there; where all are, the right to make topics is not needed. Errors: those of
// KafkaAdmin::CreateTopics; kTransient if no broker answers.
Status MakeTopics(const std::vector<KafkaTopic>& topics, KafkaAdmin* admin, int timeout_ms);
// The same with PipelineTopics.
Status MakePipelineTopics(const Config& config, KafkaAdmin* admin, int timeout_ms);

}  // namespace braid
