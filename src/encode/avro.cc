#include "encode/avro.h"

#include <bit>
#include <cstring>
#include <set>
#include <string_view>
#include <utility>

#include "base/vint.h"
#include "encode/json_text.h"
#include "encode/typed_writer.h"

namespace braid {
namespace {

constexpr char kMagic = 0;
constexpr size_t kMaxLongBytes = 10;

// Avro's name of a scalar type; nothing says how small an int is but Connect's annotation.
const char* ScalarName(TypedKind kind) {
  switch (kind) {
    case TypedKind::kBoolean:
      return "boolean";
    case TypedKind::kInt8:
    case TypedKind::kInt16:
    case TypedKind::kInt32:
      return "int";
    case TypedKind::kInt64:
      return "long";
    case TypedKind::kFloat32:
      return "float";
    case TypedKind::kFloat64:
      return "double";
    case TypedKind::kBytes:
      return "bytes";
    default:
      return "string";
  }
}

// Writes the schema's text. A struct is spelt out where it first stands, and named from then on.
class SchemaWriter {
 public:
  explicit SchemaWriter(std::string* out) : out_(*out) {}

  void Write(const TypedNode& node) {
    switch (node.kind) {
      case TypedKind::kStruct:
        return Record(node);
      case TypedKind::kArray:
        out_.append(R"({"type":"array","items":)");
        Union(*node.item, node.item_optional);
        return out_.push_back('}');
      case TypedKind::kMap:
        out_.append(R"({"type":"map","values":)");
        Union(*node.item, node.item_optional);
        return out_.push_back('}');
      default:
        return Scalar(node);
    }
  }

 private:
  void Union(const TypedNode& node, bool optional) {
    if (optional) out_.append("[\"null\",");
    Write(node);
    if (optional) out_.push_back(']');
  }

  void Quoted(const char* name, std::string_view value) {
    out_.append(name);
    AppendJsonString(value, &out_);
  }

  void Scalar(const TypedNode& node) {
    const char* const name = ScalarName(node.kind);
    const bool small = node.kind == TypedKind::kInt8 || node.kind == TypedKind::kInt16;
    if (!small && node.name.empty()) return Quoted("", name);
    Quoted("{\"type\":", name);
    if (small) Quoted(",\"connect.type\":", node.kind == TypedKind::kInt8 ? "int8" : "int16");
    if (!node.allowed.empty()) {
      Quoted(",\"connect.parameters\":{\"allowed\":", node.allowed);
      out_.push_back('}');
    }
    ConnectName(node);
    out_.push_back('}');
  }

  void Record(const TypedNode& node) {
    if (!named_.insert(node.name).second) return Quoted("", node.name);
    const size_t dot = node.name.rfind('.');
    Quoted("{\"type\":\"record\",\"name\":", std::string_view(node.name).substr(dot + 1));
    Quoted(",\"namespace\":", std::string_view(node.name).substr(0, dot));
    out_.append(",\"fields\":[");
    for (const TypedField& field : node.fields) {
      Quoted(&field == node.fields.data() ? "{\"name\":" : ",{\"name\":", field.avro_name);
      out_.append(",\"type\":");
      Union(*field.node, field.optional);
      out_.append(field.optional ? ",\"default\":null}" : "}");
    }
    out_.push_back(']');
    ConnectName(node);
    out_.push_back('}');
  }

  void ConnectName(const TypedNode& node) {
    if (node.version > 0) {
      out_.append(",\"connect.version\":");
      AppendInteger(node.version, &out_);
    }
    if (!node.name.empty()) Quoted(",\"connect.name\":", node.name);
  }

  std::string& out_;
  std::set<std::string> named_;
};

// The sink of typed_writer.h.
class AvroSink {
 public:
  explicit AvroSink(std::string* out) : out_(*out) {}

  size_t Mark() const { return out_.size(); }
  void Rollback(size_t mark) { out_.resize(mark); }
  void Repeat(size_t from, size_t size) { out_.append(out_, from, size); }

  // Which of ["null", T] follows.
  void Null() { out_.push_back('\0'); }
  void Some() { out_.push_back('\2'); }

  void Boolean(bool value) { out_.push_back(value ? '\1' : '\0'); }
  void Integer(int64_t value) {
    char bytes[kMaxLongBytes];
    out_.append(bytes, StoreLong(value, bytes));
  }
  bool Float(float value) { return LittleEndian(std::bit_cast<uint32_t>(value)); }
  bool Double(double value) { return LittleEndian(std::bit_cast<uint64_t>(value)); }

  void Text(std::string_view text) {
    const size_t start = out_.size();
    Integer(static_cast<int64_t>(text.size()));
    const size_t text_start = out_.size();
    AppendUtf8(text, &out_);
    // Replaced bytes make it longer.
    if (out_.size() - text_start != text.size()) PutLength(start, text_start);
  }
  void Bytes(ByteView bytes) {
    Integer(static_cast<int64_t>(bytes.size()));
    out_.append(bytes);
  }
  bool TextOf(const Type& type, ByteView value) {
    const size_t start = out_.size();
    AppendJsonValue(type, value, &out_);
    if (out_[start] != '"') return false;
    out_.pop_back();
    PutLength(start, start + 1);
    return true;
  }
  void JsonOf(const Type& type, ByteView value) {
    const size_t start = out_.size();
    AppendJsonValue(type, value, &out_);
    PutLength(start, start);
  }

  void BeginStruct() {}
  void Field(const TypedField&) {}
  void EndStruct() {}
  void BeginArray(int64_t count) {
    if (count != 0) Integer(count);
  }
  void Item() {}
  void EndArray(int64_t) { Integer(0); }
  void BeginMap(int64_t count) { BeginArray(count); }
  void MapKey(std::string_view key) { Text(key); }
  void EndMap(int64_t count) { EndArray(count); }

 private:
  // Zigzag, then seven bits a byte, the least first.
  static size_t StoreLong(int64_t value, char* to) {
    uint64_t rest = ZigZag(value);
    size_t size = 0;
    for (; rest >= 0x80; rest >>= 7) to[size++] = static_cast<char>(rest | 0x80);
    to[size++] = static_cast<char>(rest);
    return size;
  }

  // Puts the length of what follows `from` in place of the bytes between `at` and `from`.
  void PutLength(size_t at, size_t from) {
    char bytes[kMaxLongBytes];
    const size_t size = StoreLong(static_cast<int64_t>(out_.size() - from), bytes);
    out_.replace(at, from - at, bytes, size);
  }

  template <typename Bits>
  bool LittleEndian(Bits bits) {
    char bytes[sizeof(Bits)];
    std::memcpy(bytes, &bits, sizeof(Bits));
    out_.append(bytes, sizeof(Bits));
    return true;
  }

  std::string& out_;
};

// Appends the frame and what `write` puts into a sink; takes both back if it says false.
template <typename Write>
bool AppendFramed(int32_t schema_id, const Write& write, std::string* out) {
  const size_t start = out->size();
  out->push_back(kMagic);
  AppendBigEndian(out, schema_id);
  AvroSink sink(out);
  if (write(&sink)) return true;
  out->resize(start);
  return false;
}

}  // namespace

AvroEncoder::AvroEncoder(TypedSchemaPtr schema) : schema_(std::move(schema)) {
  SchemaWriter(&key_schema_).Write(schema_->key());
  SchemaWriter(&value_schema_).Write(schema_->envelope());
}

bool AvroEncoder::AppendKey(const Change& change, int32_t schema_id, std::string* out) const {
  return AppendFramed(
      schema_id, [&](AvroSink* sink) { return TypedWriter(*schema_, change, sink).WriteKey(); }, out);
}

bool AvroEncoder::AppendValue(const Change& change, const EventContext& context, int32_t schema_id,
                              std::string* out) const {
  return AppendFramed(
      schema_id, [&](AvroSink* sink) { return TypedWriter(*schema_, change, sink).WriteEnvelope(context); }, out);
}

}  // namespace braid
