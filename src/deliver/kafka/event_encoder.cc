#include "deliver/kafka/event_encoder.h"

#include <utility>

#include "encode/avro.h"
#include "encode/connect_json.h"
#include "encode/typed.h"

namespace braid {
namespace {

class JsonEncoder : public EventEncoder {
 public:
  bool Fits(const Change&) const override { return true; }
  bool Encode(const Change& change, const EventContext& context, std::string* key, std::string* value) const override {
    AppendEventJson(change, context, value);
    if (change.op == Op::kTruncate) return false;
    AppendKeyJson(change, key);
    return true;
  }
};

class SchemaJsonEncoder : public EventEncoder {
 public:
  explicit SchemaJsonEncoder(TypedSchemaPtr schema) : encoder_(std::move(schema)) {}

  bool Fits(const Change& change) const override { return encoder_.Fits(change); }
  bool Encode(const Change& change, const EventContext& context, std::string* key, std::string* value) const override {
    encoder_.AppendValue(change, context, value);
    return encoder_.AppendKey(change, key);
  }

 private:
  const ConnectJsonEncoder encoder_;
};

class AvroEventEncoder : public EventEncoder {
 public:
  explicit AvroEventEncoder(TypedSchemaPtr schema) : encoder_(std::move(schema)) {}

  Status Register(const std::string& topic, const AvroSchemaId& schema_id) {
    ASSIGN_OR_RETURN(key_id_, schema_id(topic + "-key", encoder_.key_schema()));
    ASSIGN_OR_RETURN(value_id_, schema_id(topic + "-value", encoder_.value_schema()));
    return {};
  }

  bool Fits(const Change& change) const override { return encoder_.Fits(change); }
  bool Encode(const Change& change, const EventContext& context, std::string* key, std::string* value) const override {
    encoder_.AppendValue(change, context, value_id_, value);
    return encoder_.AppendKey(change, key_id_, key);
  }

 private:
  const AvroEncoder encoder_;
  int32_t key_id_ = 0;
  int32_t value_id_ = 0;
};

}  // namespace

Result<std::unique_ptr<EventEncoder>> EventEncoder::Make(const KafkaStream& stream, const TableSchema& schema,
                                                         RowKind row, const std::string& topic,
                                                         const AvroSchemaId& schema_id) {
  if (stream.format == KafkaStream::Format::kJson) return std::make_unique<JsonEncoder>();
  TypedOptions options;
  if (stream.nested_as_json) options.nested = TypedOptions::Nested::kJson;
  // A range is no row: nothing of it fits, whatever the schema.
  const RowKind kind = row == RowKind::kRange ? RowKind::kRegular : row;
  TypedSchemaPtr typed = TypedSchema::Make(schema, kind, topic, options);
  if (stream.format == KafkaStream::Format::kJsonSchemas) return std::make_unique<SchemaJsonEncoder>(std::move(typed));
  auto encoder = std::make_unique<AvroEventEncoder>(std::move(typed));
  TRY(encoder->Register(topic, schema_id));
  return encoder;
}

}  // namespace braid
