// The definitions of a pipeline's tables, of all times.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "codec/schema.h"
#include "model/schema.h"

namespace braid {

class Definitions {
 public:
  // Of the pipeline in the directory `state`, of which only `tables` (keyspace.table; empty: all) are wanted. Errors:
  // kNotFound (a table that there never was), those of the file.
  static Result<Definitions> Read(const std::string& state, const std::vector<std::string>& tables);

  bool Wants(const TableSchema& table) const { return wanted_.empty() || wanted_.contains(table.FullName()); }
  bool Wants(const TableId& table) const;
  // The newest definition of a table; nullptr: there is none.
  const TableSchema* Newest(const TableId& table) const;
  const SchemaSet& all() const { return all_; }
  // Adds a definition that the timeline holds.
  void Note(const TableSchema& schema);

 private:
  std::set<std::string> wanted_;
  SchemaSet all_;
  std::unordered_map<TableId, TableSchemaPtr, TableIdHash> newest_;
};

}  // namespace braid
