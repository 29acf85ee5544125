// Changes of one stream and one table definition as the keys and values of records.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "deliver/kafka/kafka_stream.h"
#include "encode/json.h"
#include "model/change.h"

namespace braid {

// The number by which readers know an Avro schema: registers it under the subject if it is not there. May wait.
using AvroSchemaId = std::function<Result<int32_t>(const std::string& subject, const std::string& schema)>;

// Immutable; allocates little but the growth of what it appends to.
class EventEncoder {
 public:
  // For Changes whose schema is `schema` and whose row is `row`, in a topic. `schema_id` is asked here, and only for
  // Avro. Errors: those of `schema_id`.
  static Result<std::unique_ptr<EventEncoder>> Make(const KafkaStream& stream, const TableSchema& schema, RowKind row,
                                                    const std::string& topic, const AvroSchemaId& schema_id);
  virtual ~EventEncoder() = default;

  // Whether the Change can be said in this form at all: not one of a row that is known in part, if readers were
  // promised whole rows.
  virtual bool Fits(const Change& change) const = 0;
  // Appends key and value. False if the Change has no key: a truncation.
  virtual bool Encode(const Change& change, const EventContext& context, std::string* key,
                      std::string* value) const = 0;
};

}  // namespace braid
