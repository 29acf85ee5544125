#include "encode/typed.h"

#include <utility>

#include "base/check.h"
#include "encode/typed_types.h"

namespace braid {
namespace {

TypedNodePtr StructNode(std::string name, int version, std::vector<TypedField> fields) {
  auto node = std::make_shared<TypedNode>();
  node->kind = TypedKind::kStruct;
  node->name = std::move(name);
  node->version = version;
  node->fields = std::move(fields);
  return node;
}

// In the order in which TypedWriter::WriteSource writes.
TypedNodePtr SourceNode() {
  const TypedNodePtr text = ScalarNode(TypedKind::kString);
  const TypedNodePtr number = ScalarNode(TypedKind::kInt64);
  const TypedNodePtr yes_or_no = ScalarNode(TypedKind::kBoolean);
  const TypedNodePtr names = ArrayNode(text, false);
  std::vector<TypedField> fields;
  AddField("version", text, false, &fields);
  AddField("connector", text, false, &fields);
  AddField("name", text, false, &fields);
  AddField("ts_ms", number, true, &fields);
  AddField("snapshot", ScalarNode(TypedKind::kString, "io.debezium.data.Enum", 1, "true,first,last,false"), false,
           &fields);
  AddField("db", text, false, &fields);
  AddField("keyspace", text, false, &fields);
  AddField("table", text, false, &fields);
  AddField("row", text, false, &fields);
  AddField("ts_us", number, true, &fields);
  AddField("node", text, true, &fields);
  AddField("segment", number, true, &fields);
  AddField("position", number, true, &fields);
  AddField("revision", number, false, &fields);
  AddField("written", names, false, &fields);
  AddField("cause", text, false, &fields);
  AddField("complete", yes_or_no, false, &fields);
  AddField("unknown", names, true, &fields);
  AddField("unfit", names, true, &fields);
  AddField("late", yes_or_no, false, &fields);
  AddField("confirmed", yes_or_no, false, &fields);
  return StructNode("io.braid.connector.cassandra.Source", 1, std::move(fields));
}

TypedNodePtr TransactionNode() {
  const TypedNodePtr number = ScalarNode(TypedKind::kInt64);
  std::vector<TypedField> fields;
  AddField("id", ScalarNode(TypedKind::kString), false, &fields);
  AddField("total_order", number, false, &fields);
  AddField("data_collection_order", number, false, &fields);
  return StructNode("event.block", 1, std::move(fields));
}

// In the order in which TypedWriter::WriteEnvelope writes.
TypedNodePtr EnvelopeNode(const std::string& prefix, const TypedNodePtr& row, const TypedNodePtr& source) {
  std::vector<TypedField> fields;
  AddField("before", row, true, &fields);
  AddField("after", row, true, &fields);
  AddField("source", source, false, &fields);
  AddField("transaction", TransactionNode(), true, &fields);
  AddField("op", ScalarNode(TypedKind::kString), false, &fields);
  AddField("ts_ms", ScalarNode(TypedKind::kInt64), true, &fields);
  AddField("sequence", ScalarNode(TypedKind::kString), false, &fields);
  return StructNode(prefix + ".Envelope", 1, std::move(fields));
}

}  // namespace

bool TypedField::operator==(const TypedField& other) const {
  return name == other.name && optional == other.optional && (node == other.node || *node == *other.node);
}

bool TypedNode::operator==(const TypedNode& other) const {
  const bool same_item = item == other.item || (item != nullptr && other.item != nullptr && *item == *other.item);
  return kind == other.kind && name == other.name && version == other.version && allowed == other.allowed &&
         same_item && item_optional == other.item_optional && fields == other.fields;
}

TypedSchemaPtr TypedSchema::Make(const TableSchema& schema, RowKind row, const std::string& topic,
                                 const TypedOptions& options) {
  CHECK(row != RowKind::kRange);
  const bool regular = row == RowKind::kRegular;
  std::shared_ptr<TypedSchema> typed(new TypedSchema());
  typed->id_ = schema.id;
  typed->row_kind_ = row;
  const std::string prefix = LegalDottedName(topic);
  TypeMapper mapper(prefix, options);
  std::vector<TypedField> fields;
  const auto add = [&](const std::vector<ColumnId>& ids, bool optional, std::vector<ColumnField>* columns) {
    for (const ColumnId id : ids) {
      const Column& column = schema.column(id);
      AddField(column.name, mapper.Map(*column.type, column.name), optional, &fields);
      columns->push_back({id, column.type, nullptr});
    }
  };
  add(schema.partition_key, false, &typed->partition_key_);
  if (regular) add(schema.clustering, false, &typed->clustering_);
  typed->key_ = StructNode(prefix + ".Key", 0, fields);
  add(regular ? schema.regulars : schema.statics, true, &typed->columns_);
  typed->row_ = StructNode(prefix + ".Value", 0, std::move(fields));
  typed->source_ = SourceNode();
  typed->envelope_ = EnvelopeNode(prefix, typed->row_, typed->source_);
  const TypedField* field = typed->row_->fields.data();
  for (std::vector<ColumnField>* columns : {&typed->partition_key_, &typed->clustering_, &typed->columns_}) {
    for (ColumnField& column : *columns) column.field = field++;
  }
  return typed;
}

}  // namespace braid
