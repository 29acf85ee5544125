// A stream's events as readers with a schema see them: the one model that Connect's JSON (encode/connect_json.h) and
// Avro (encode/avro.h) are both written by. docs/formats/event-typed.md is the mapping.
//
// A TypedSchema is made once for each definition that a stream's Changes name. Immutable and thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/change.h"
#include "model/schema.h"

namespace braid {

// Kafka Connect's types, by their Connect names.
enum class TypedKind : uint8_t {
  kBoolean,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFloat32,
  kFloat64,
  kString,
  kBytes,
  kArray,
  kMap,  // from strings
  kStruct,
};

struct TypedNode;

struct TypedField {
  std::string name;       // as CQL stores it
  std::string avro_name;  // the same with only the characters that Avro allows, unique within the struct
  std::string json_name;  // with quotes and a colon after it
  std::shared_ptr<const TypedNode> node;
  bool optional = true;  // null is allowed, and the default

  bool operator==(const TypedField& other) const;
};

// One type of a schema. A tree; subtrees may be shared.
struct TypedNode {
  TypedKind kind = TypedKind::kString;
  std::string name;     // of a struct, with dots, legal in Avro; or of a meaning ("io.debezium.time.Date"); or empty
  int version = 0;      // of the name; 0: none is said
  std::string allowed;  // of an enumeration, which is a string: its words, with commas
  std::shared_ptr<const TypedNode> item;  // of an array its elements, of a map its values
  bool item_optional = true;
  std::vector<TypedField> fields;  // of a struct

  bool operator==(const TypedNode& other) const;
};

struct TypedOptions {
  enum class Nested : uint8_t {
    kStructs,  // arrays, maps and structs of Connect
    kJson,     // text with the meaning io.debezium.data.Json: for sinks without nested types, such as JDBC's
  };
  // How collections, vectors, tuples and user types are shown.
  Nested nested = Nested::kStructs;
};

class TypedSchema {
 public:
  struct ColumnField {
    ColumnId id;
    TypePtr type;
    const TypedField* field = nullptr;  // of row()
  };

  // For the rows of kind `row` (not kRange: CHECKed) that Changes whose schema is `schema` tell of; of a stream that
  // leaves out or masks columns `schema` is StreamShape::visible(). `topic` begins the structs' names. Nothing of
  // `schema` need outlive the call.
  static std::shared_ptr<const TypedSchema> Make(const TableSchema& schema, RowKind row, const std::string& topic,
                                                 const TypedOptions& options = {});

  // The definition that it was made of.
  SchemaId id() const { return id_; }
  RowKind row_kind() const { return row_kind_; }

  // True if the Change has a place in a typed stream: all of its row is known, it is one row (or a truncation), and
  // every column of its key has a value; then encoders give its value and, but of a truncation, its key. What has no
  // place is the caller's to hold back. `any_number`: the form has NaN and infinities too; encoders know, ask theirs.
  bool Fits(const Change& change, bool any_number) const;

  // The record's key: a struct of the key columns, none of them optional.
  const TypedNode& key() const { return *key_; }
  // The record's value: the envelope.
  const TypedNode& envelope() const { return *envelope_; }
  // Within it: the whole row, key columns first, and where the event comes from.
  const TypedNode& row() const { return *row_; }
  const TypedNode& source() const { return *source_; }

  // The columns of row(), in its order.
  const std::vector<ColumnField>& partition_key() const { return partition_key_; }
  const std::vector<ColumnField>& clustering() const { return clustering_; }
  const std::vector<ColumnField>& columns() const { return columns_; }

 private:
  TypedSchema() = default;

  SchemaId id_;
  RowKind row_kind_ = RowKind::kRegular;
  std::shared_ptr<const TypedNode> key_;
  std::shared_ptr<const TypedNode> row_;
  std::shared_ptr<const TypedNode> source_;
  std::shared_ptr<const TypedNode> envelope_;
  std::vector<ColumnField> partition_key_;
  std::vector<ColumnField> clustering_;
  std::vector<ColumnField> columns_;
};

using TypedSchemaPtr = std::shared_ptr<const TypedSchema>;

}  // namespace braid
