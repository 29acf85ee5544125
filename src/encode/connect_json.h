// Changes as {"schema":…,"payload":…}: what Kafka Connect's JsonConverter reads with schemas.enable=true, which is its
// default. docs/formats/event-typed.md says what is written.
// Learned from org.apache.kafka.connect.json.JsonConverter.
#pragma once

#include <string>

#include "encode/json.h"
#include "encode/typed.h"
#include "model/change.h"

namespace braid {

// Immutable and thread-safe. Pure: appends to *out, allocates little but its growth.
class ConnectJsonEncoder {
 public:
  explicit ConnectJsonEncoder(TypedSchemaPtr schema);

  // Append the key's or value's text. `change.schema` must be the definition that the schema was made of, by its id
  // (CHECKed); `context` as for AppendEventJson. False, with *out as it was, if the Change has no key of this form:
  // that of a truncation (whose value there is: send it with a null key), of a range, or one of whose columns has no
  // value or bytes that are none.
  bool AppendKey(const Change& change, std::string* out) const;
  bool AppendValue(const Change& change, const EventContext& context, std::string* out) const;

  // Whether it has a place in a stream of this form: see TypedSchema::Fits.
  bool Fits(const Change& change) const { return schema_->Fits(change, /*any_number=*/false); }

  // The schemas alone, as JSON objects.
  const std::string& key_schema() const { return key_schema_; }
  const std::string& value_schema() const { return value_schema_; }

 private:
  TypedSchemaPtr schema_;
  std::string key_schema_;
  std::string value_schema_;
};

}  // namespace braid
