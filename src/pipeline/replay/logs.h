// The nodes' commit logs, read one after another, as the mutations of the tables that are wanted.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "cassandra/commitlog/mutation_decoder.h"
#include "cassandra/schema/schema.h"
#include "model/mutation.h"
#include "pipeline/offline/node_home.h"
#include "pipeline/offline/tables.h"

namespace braid {

// What a pass over logs met besides the mutations that it was asked for.
struct LogReport {
  // Why mutations of a table were not taken, and how many there were.
  struct PassedOver {
    std::string reason;
    uint64_t mutations = 0;
  };
  std::map<std::string, PassedOver> passed_over;  // by table name, or id where it has none
  // Bytes that could not be read, one line each, with file and offset.
  std::vector<std::string> damage;
  // Ends of files that were being written when the logs were copied.
  std::vector<std::string> torn;
};

// Definitions for the decoder of commit logs. Lives no longer than the schema.
class SchemaTables : public TableLookup {
 public:
  explicit SchemaTables(const ClusterSchema* schema) : schema_(schema) {}
  const TableSchema* FindTable(const TableId& id) const override { return schema_->FindTable(id); }

 private:
  const ClusterSchema* schema_;
};

class MutationVisitor {
 public:
  virtual ~MutationVisitor() = default;
  // One mutation of a wanted table; `table` is its place in LoadedSchema::tables. Lives during the call.
  virtual Status Visit(uint32_t table, const Mutation& mutation) = 0;
  // After each segment and now and then within: bytes read so far, of all.
  virtual void Progress(uint64_t bytes) = 0;
};

// Reads every segment of every node, in the order of nodes and segment ids.
Status ReadLogs(const std::vector<NodeHome>& homes, const LoadedSchema& schema, OnCorruption on_corruption,
                MutationVisitor* visitor, LogReport* report);

}  // namespace braid
