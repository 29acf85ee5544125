// What the schema files that one process follows say that its journal does not: the records to append. Pure.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capture/schema_fold.h"
#include "capture/schema_record.h"
#include "cassandra/schema/schema.h"
#include "model/schema.h"
#include "model/time.h"

namespace braid {

// What the files said of a table, to know whether they say something new.
struct SchemaWord {
  SchemaId definition;  // with the column ids of the files
  WriteTime changed_at;
  WriteTime written_at;
  bool operator==(const SchemaWord&) const = default;
};

// What was seen in the files, and how sure that is.
struct SchemaSight {
  const ClusterSchema* schema = nullptr;
  bool complete = false;  // all files were read: what is not there does not exist on these nodes
  // Nothing was new for a while, so that what looks like half of a change is all of it.
  bool sure = false;
  // When the files say that a table or view of that keyspace and name was dropped.
  std::function<WriteTime(std::string_view keyspace, std::string_view table)> dropped_at;
  const std::set<TableId>* seen = nullptr;                     // tables that the files have had since the start
  const std::map<TableId, std::string>* unreadable = nullptr;  // what the last plan said of it
  // Of a journal that others write too:
  bool shared = false;
  const std::map<TableId, std::set<std::string>>* had = nullptr;  // columns that the files have had since the start
  const std::map<TableId, SchemaWord>* said = nullptr;  // what the journal was told, or knew, of the files before
};

// What it leads to, before anyone is told.
struct SchemaPlan {
  std::vector<SchemaRecord> records;  // for the journal
  std::vector<SchemaRecord> own;      // of Cassandra's own tables, which differ from node to node: for nobody else
  std::map<TableId, std::string> unreadable;
  std::set<TableId> unlogged;                       // in keyspaces with durable_writes = false
  std::map<TableId, SchemaWord> words;              // what the files say of each table
  std::vector<std::pair<bool, std::string>> lines;  // for the log
  bool held = false;                                // something looks like half of a change: the next look decides
};

SchemaPlan PlanSchema(const SchemaSight& sight, const SchemaFold& fold);

}  // namespace braid
