// Makes definitions of the rows of the schema tables.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cassandra/schema/schema.h"
#include "cassandra/schema/system_table.h"
#include "model/type.h"

namespace braid {

// The live rows of the tables of system_schema that matter.
struct SchemaRows {
  std::vector<SystemRow> keyspaces;
  std::vector<SystemRow> tables;
  std::vector<SystemRow> views;
  std::vector<SystemRow> columns;
  std::vector<SystemRow> types;
  std::vector<SystemRow> dropped_columns;
};

// Used once, for one schema.
class SchemaBuilder {
 public:
  explicit SchemaBuilder(const SchemaIdFunction& id_of) : id_of_(id_of) {}

  // What cannot be made sense of makes a table unreadable, with the reason, or is a warning: the rest stands.
  ClusterSchema Build(const SchemaRows& rows, std::vector<std::string> warnings);

 private:
  using Name = std::pair<std::string, std::string>;  // keyspace and table, or type
  struct UserType {
    std::vector<std::string> field_names;
    std::vector<std::string> field_types;
    TypePtr resolved;
    bool resolving = false;
  };

  void AddKeyspaces(const std::vector<SystemRow>& rows);
  void AddUserTypes(const std::vector<SystemRow>& rows);
  void AddTable(const SystemRow& row, bool view);
  WriteTime ChangedAt(const SystemRow& row, const TableInfo& info) const;
  Result<TypePtr> ResolveUserType(const std::string& keyspace, const std::string& name);
  Result<TypePtr> ParseType(const std::string& keyspace, const std::string* text);
  // The definition, or why it cannot be read.
  Result<TableSchemaPtr> MakeSchema(const SystemRow& row, const TableInfo& info);
  Result<Column> MakeColumn(const SystemRow& row);
  Status AddDropped(const SystemRow& row, std::vector<Column>* columns);

  const SchemaIdFunction& id_of_;
  ClusterSchema schema_;
  std::map<Name, UserType> user_types_;
  std::map<std::string, WriteTime> newest_types_;  // by keyspace
  std::map<Name, std::vector<const SystemRow*>> columns_;
  std::map<Name, std::vector<const SystemRow*>> dropped_;
};

}  // namespace braid
