#include <cmath>
#include <optional>

#include "encode/json.h"
#include "encode/typed.h"
#include "encode/typed_types.h"
#include "encode/typed_writer.h"

namespace braid {
namespace {

// The sink of typed_writer.h that keeps nothing: only what values are fit is of interest. As strict as any form.
class NoSink {
 public:
  size_t Mark() const { return 0; }
  void Rollback(size_t) {}
  void Null() {}
  void Some() {}
  void Boolean(bool) {}
  void Integer(int64_t) {}
  bool Float(float value) { return std::isfinite(value); }
  bool Double(double value) { return std::isfinite(value); }
  void Text(std::string_view) {}
  void Bytes(ByteView) {}
  bool TextOf(const Type& type, ByteView value) {
    std::string text;
    AppendJsonValue(type, value, &text);
    return text[0] == '"';
  }
  void JsonOf(const Type&, ByteView) {}
  void BeginStruct() {}
  void Field(const TypedField&) {}
  void EndStruct() {}
  void BeginArray(int64_t) {}
  void Item() {}
  void EndArray(int64_t) {}
  void BeginMap(int64_t) {}
  void MapKey(std::string_view) {}
  void EndMap(int64_t) {}
};

bool HasValue(const Type& type, ByteView bytes) {
  NoSink sink;
  TypedValueWriter<NoSink> writer(&sink);
  // Of other types the writer does not look at the node.
  static const TypedNode kScalar;
  if (type.args.empty()) return writer.Required(kScalar, type, bytes) == Written::kYes;
  const TypedNodePtr node = TypeMapper("key", {}).Map(type, "value");
  return writer.Required(*node, type, bytes) == Written::kYes;
}

bool HasWholeKey(const Change& change) {
  const TableSchema& schema = *change.schema;
  PartitionKeyReader key(schema.partition_key.size(), change.partition_key);
  for (const ColumnId id : schema.partition_key) {
    const std::optional<ByteView> value = key.Next();
    if (!value || !HasValue(*schema.column(id).type, *value)) return false;
  }
  if (key.Next() || !key.status().has_value()) return false;
  if (change.row == RowKind::kStatic) return true;
  ClusteringReader clustering(change.clustering);
  for (const ColumnId id : schema.clustering) {
    const std::optional<ClusteringReader::Value> value = clustering.Next();
    if (!value || value->null || !HasValue(*schema.column(id).type, value->bytes)) return false;
  }
  return !clustering.Next() && clustering.status().has_value();
}

}  // namespace

bool FitsTypedSchema(const Change& change) {
  if (!change.complete || change.row == RowKind::kRange) return false;
  return change.op == Op::kTruncate || HasWholeKey(change);
}

}  // namespace braid
