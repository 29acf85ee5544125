// The door of this room: the tables of a cluster, from its nodes' own files.
//
// Cassandra keeps every definition, that of its own tables too, in the tables of the keyspace system_schema and flushes
// them on each change, so that their SSTables under data/system_schema are the schema.
// Learned from org.apache.cassandra.schema.SchemaKeyspace. Layouts: docs/formats/schema.md.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "model/schema.h"
#include "model/time.h"

namespace braid {

// Gives a definition the id by which records will name it (codec/schema.h has the one that Braid uses).
using SchemaIdFunction = std::function<SchemaId(const TableSchema&)>;

struct KeyspaceInfo {
  std::string name;
  bool durable_writes = true;  // false: its writes are in no log
  std::map<std::string, std::string> replication;
};

struct TableInfo {
  std::string keyspace;
  std::string table;
  TableId id;
  bool view = false;     // a materialized view
  bool compact = false;  // with compact storage
  bool cdc = false;      // captured; known of unreadable tables too
  // When the table was created or last altered: of the row in system_schema that both write anew.
  WriteTime written_at;
  // Of the last write to any part of the definition, the keyspace's types included. Rises with each change.
  WriteTime changed_at;
  // The definition; nullptr if the table cannot be read, and then why, with the cure.
  TableSchemaPtr schema;
  std::string unreadable;

  std::string FullName() const { return keyspace + "." + table; }
};

// The tables that exist, by the last write to each part of each definition. Immutable once read; what it gives lives as
// long as it does, definitions as long as anyone holds them.
class ClusterSchema {
 public:
  // The tables and views, by keyspace and name. Cassandra's own are among them.
  const std::vector<TableInfo>& tables() const { return tables_; }
  const std::vector<KeyspaceInfo>& keyspaces() const { return keyspaces_; }

  // nullptr if there is no such table.
  const TableInfo* Find(const TableId& id) const;
  const TableInfo* Find(std::string_view keyspace, std::string_view table) const;
  // The definition of the table with that id; nullptr if it is unknown or cannot be read.
  const TableSchema* FindTable(const TableId& id) const;
  // The readable tables with cdc = true, by keyspace and name.
  std::vector<TableSchemaPtr> CdcTables() const;

  // What was passed over on the way, a line each: directories without a schema, definitions that make no sense.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  friend class SchemaBuilder;

  std::vector<KeyspaceInfo> keyspaces_;
  std::vector<TableInfo> tables_;
  std::unordered_map<TableId, size_t, TableIdHash> by_id_;
  std::vector<std::string> warnings_;
};

// Reads the schema in `data_directories` (those that hold `system_schema/`): of one node, of its several disks, or of
// several nodes, whose files are merged as if they were one node's. Column ids go: partition key and clustering columns
// by position, then static, then regular columns; of these simple ones before multi-cell ones, each by name as
// Cassandra orders them (by unsigned bytes, but names whose first byte is beyond ASCII come first), dropped ones among
// the others. That is the order in which mutations list columns. Errors: kNotFound (a directory is missing; or none has
// a schema), kCorrupt, kUnsupported, kIoError; each with the file.
Result<ClusterSchema> ReadSchema(const std::vector<std::string>& data_directories, const SchemaIdFunction& id_of);

// The host id of the node that owns `data_directories`, from its system.local; nothing if that was never flushed.
// Errors as for ReadSchema.
Result<std::optional<std::array<uint8_t, 16>>> ReadHostId(const std::vector<std::string>& data_directories);

}  // namespace braid
