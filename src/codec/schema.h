// The binary form of table definitions, their ids, and how a decoder finds the definition that a record names.
// Layout: docs/formats/table-schema.md.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "model/schema.h"

namespace braid {

// The id of a definition: a hash (XXH3-64) of its canonical form, that is of AppendTableSchema's bytes. Equal
// definitions have equal ids on every machine; `schema.id` itself and the lists made by IndexColumns() do not count.
// Maker's recipe: fill in the columns, IndexColumns(), then schema.id = ComputeSchemaId(schema).
SchemaId ComputeSchemaId(const TableSchema& schema);

// Appends the canonical form. One definition has one form. The id is not part of it.
void AppendTableSchema(std::string* to, const TableSchema& schema);

// Reads exactly one definition; it comes indexed and with its id. Owns all that it holds.
// Errors: kCorrupt, kUnsupported (version).
Result<TableSchemaPtr> DecodeTableSchema(ByteView bytes);

// Finds definitions for decoders of records that name one.
class SchemaLookup {
 public:
  virtual ~SchemaLookup() = default;
  // The definition, which must outlive what is decoded with it; nullptr if it is not known.
  virtual const TableSchema* Find(SchemaId id) const = 0;
};

// What `schemas` has for the record that messages call `what`, never nullptr. Errors: kNotFound, naming the id.
Result<const TableSchema*> FindSchema(const SchemaLookup& schemas, SchemaId id, const char* what);

// Definitions in memory. Not thread-safe while Add is called.
class SchemaSet : public SchemaLookup {
 public:
  // Keeps `schema` as long as the set lives. Adding an id again changes nothing.
  void Add(TableSchemaPtr schema) { schemas_.emplace(schema->id.value, std::move(schema)); }
  const TableSchema* Find(SchemaId id) const override {
    const auto found = schemas_.find(id.value);
    return found == schemas_.end() ? nullptr : found->second.get();
  }

 private:
  std::unordered_map<uint64_t, TableSchemaPtr> schemas_;
};

}  // namespace braid
