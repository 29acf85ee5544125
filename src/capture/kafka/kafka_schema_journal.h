// The schema journal of a pipeline on Kafka: a topic of one partition that is kept for ever. Form of its records:
// docs/formats/schema-journal.md.
//
// Append waits for the acknowledgement of all replicas in sync, and ReadNew asks where the topic ends and reads up to
// there: so a record is found by every ReadNew that begins after the Append that wrote it returned. An agent appends a
// definition before it sends a mutation that names it; a worker that meets an unknown one calls ReadNew and has it.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "capture/schema_journal.h"
#include "transport/kafka/admin.h"
#include "transport/kafka/properties.h"

namespace braid {

struct KafkaSchemaJournalOptions {
  KafkaProperties properties;
  std::string topic;
  // How long one ReadNew may wait, and one Append for each half mebibyte that it writes.
  int timeout_ms = 5'000;
  KafkaLog log = {};  // may be empty
};

// Needs no broker. One process may have several. Errors: kInvalidArgument, a property that cannot be.
//
// Errors of its functions besides those of SchemaJournal: kNotFound (no such topic). kCorrupt and kUnsupported (a
// record that cannot be read, or records that are gone: nobody can learn them twice) name the topic and the offset, and
// stay.
Result<std::unique_ptr<SchemaJournal>> OpenKafkaSchemaJournal(KafkaSchemaJournalOptions options);

// The topic as it must be made.
KafkaTopic SchemaJournalTopic(const std::string& name, int replication);

}  // namespace braid
