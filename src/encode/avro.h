// Changes in Avro's binary form, framed as readers with a Confluent-compatible schema registry expect: a 0 byte, the
// schema's id as 4 big-endian bytes, the datum. docs/formats/event-typed.md says what is written.
// Learned from the Avro 1.11 specification and io.confluent.connect.avro.AvroData.
#pragma once

#include <cstdint>
#include <string>

#include "encode/json.h"
#include "encode/typed.h"
#include "model/change.h"

namespace braid {

// Immutable and thread-safe. Pure: appends to *out, allocates little but its growth.
class AvroEncoder {
 public:
  explicit AvroEncoder(TypedSchemaPtr schema);

  // The schemas as JSON without white space, with Connect's annotations, for a registry. Equal definitions give equal
  // texts.
  const std::string& key_schema() const { return key_schema_; }
  const std::string& value_schema() const { return value_schema_; }

  // Whether it has a place in a stream of this form: see TypedSchema::Fits.
  bool Fits(const Change& change) const { return schema_->Fits(change, /*any_number=*/true); }

  // Append the framed key or value; `schema_id` is what the registry calls key_schema() or value_schema(). What they
  // CHECK, and when they give false and append nothing, is as of ConnectJsonEncoder.
  bool AppendKey(const Change& change, int32_t schema_id, std::string* out) const;
  bool AppendValue(const Change& change, const EventContext& context, int32_t schema_id, std::string* out) const;

 private:
  TypedSchemaPtr schema_;
  std::string key_schema_;
  std::string value_schema_;
};

}  // namespace braid
