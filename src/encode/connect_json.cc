#include "encode/connect_json.h"

#include <cmath>
#include <utility>

#include "encode/json_text.h"
#include "encode/typed_writer.h"

namespace braid {
namespace {

const char* KindName(TypedKind kind) {
  static constexpr const char* kNames[] = {"boolean", "int8",   "int16", "int32", "int64", "float",
                                           "double",  "string", "bytes", "array", "map",   "struct"};
  return kNames[static_cast<size_t>(kind)];
}

void AppendSchema(const TypedNode& node, bool optional, const std::string* field, std::string* out);

void AppendFields(const TypedNode& node, std::string* out) {
  out->append(",\"fields\":[");
  for (const TypedField& field : node.fields) {
    if (&field != node.fields.data()) out->push_back(',');
    AppendSchema(*field.node, field.optional, &field.name, out);
  }
  out->push_back(']');
}

void AppendSchema(const TypedNode& node, bool optional, const std::string* field, std::string* out) {
  out->append("{\"type\":\"").append(KindName(node.kind)).push_back('"');
  if (node.kind == TypedKind::kStruct) AppendFields(node, out);
  if (node.kind == TypedKind::kMap) out->append(R"(,"keys":{"type":"string","optional":false})");
  if (node.item != nullptr) {
    out->append(node.kind == TypedKind::kMap ? ",\"values\":" : ",\"items\":");
    AppendSchema(*node.item, node.item_optional, nullptr, out);
  }
  out->append(optional ? ",\"optional\":true" : ",\"optional\":false");
  if (!node.name.empty()) {
    out->append(",\"name\":");
    AppendJsonString(node.name, out);
  }
  if (node.version > 0) {
    out->append(",\"version\":");
    AppendInteger(node.version, out);
  }
  if (!node.allowed.empty()) {
    out->append(",\"parameters\":{\"allowed\":");
    AppendJsonString(node.allowed, out);
    out->push_back('}');
  }
  if (field != nullptr) {
    out->append(",\"field\":");
    AppendJsonString(*field, out);
  }
  out->push_back('}');
}

// The sink of typed_writer.h. No value ends in an opening bracket, so that one says that a comma is not yet due.
class JsonSink {
 public:
  explicit JsonSink(std::string* out) : out_(*out) {}

  size_t Mark() const { return out_.size(); }
  void Rollback(size_t mark) { out_.resize(mark); }
  void Repeat(size_t from, size_t size) { out_.append(out_, from, size); }

  void Null() { out_.append("null"); }
  void Some() {}
  void Boolean(bool value) { out_.append(value ? "true" : "false"); }
  void Integer(int64_t value) { AppendInteger(value, &out_); }
  bool Float(float value) { return Finite(value); }
  bool Double(double value) { return Finite(value); }
  void Text(std::string_view text) { AppendJsonString(text, &out_); }
  void Bytes(ByteView bytes) {
    out_.push_back('"');
    AppendBase64(bytes, &out_);
    out_.push_back('"');
  }
  bool TextOf(const Type& type, ByteView value) {
    const size_t start = out_.size();
    AppendJsonValue(type, value, &out_);
    return out_[start] == '"';
  }
  void JsonOf(const Type& type, ByteView value) {
    std::string json;
    AppendJsonValue(type, value, &json);
    AppendJsonString(json, &out_);
  }

  void BeginStruct() { out_.push_back('{'); }
  void Field(const TypedField& field) {
    Comma('{');
    out_.append(field.json_name);
  }
  void EndStruct() { out_.push_back('}'); }
  void BeginArray(int64_t) { out_.push_back('['); }
  void Item() { Comma('['); }
  void EndArray(int64_t) { out_.push_back(']'); }
  void BeginMap(int64_t) { out_.push_back('{'); }
  void MapKey(std::string_view key) {
    Comma('{');
    AppendJsonString(key, &out_);
    out_.push_back(':');
  }
  void EndMap(int64_t) { out_.push_back('}'); }

 private:
  // JSON has no other numbers, and JsonConverter would take their names for 0.
  template <typename Number>
  bool Finite(Number value) {
    if (!std::isfinite(value)) return false;
    AppendFloat(value, &out_);
    return true;
  }

  void Comma(char opening) {
    if (out_.back() != opening) out_.push_back(',');
  }

  std::string& out_;
};

// Appends `schema` and what `write` puts into a sink; takes both back if it says false.
template <typename Write>
bool AppendEnveloped(const std::string& schema, const Write& write, std::string* out) {
  const size_t start = out->size();
  out->append("{\"schema\":").append(schema).append(",\"payload\":");
  JsonSink sink(out);
  if (!write(&sink)) {
    out->resize(start);
    return false;
  }
  out->push_back('}');
  return true;
}

}  // namespace

ConnectJsonEncoder::ConnectJsonEncoder(TypedSchemaPtr schema) : schema_(std::move(schema)) {
  AppendSchema(schema_->key(), false, nullptr, &key_schema_);
  AppendSchema(schema_->envelope(), false, nullptr, &value_schema_);
}

bool ConnectJsonEncoder::AppendKey(const Change& change, std::string* out) const {
  return AppendEnveloped(
      key_schema_, [&](JsonSink* sink) { return TypedWriter(*schema_, change, sink).WriteKey(); }, out);
}

bool ConnectJsonEncoder::AppendValue(const Change& change, const EventContext& context, std::string* out) const {
  return AppendEnveloped(
      value_schema_, [&](JsonSink* sink) { return TypedWriter(*schema_, change, sink).WriteEnvelope(context); }, out);
}

}  // namespace braid
