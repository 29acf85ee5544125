// A Kafka record of the schema journal: some records of one Append. Layout: docs/formats/schema-journal.md.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "capture/schema_record.h"

namespace braid {

// Adds `record` to the value of a Kafka record, which it begins if `value` is empty.
void AppendToJournalRecord(const SchemaRecord& record, std::string* value);

// Reads a value and adds what it holds to `records`. Errors: kCorrupt, kUnsupported.
Status DecodeJournalRecord(ByteView value, std::vector<SchemaRecord>* records);

}  // namespace braid
