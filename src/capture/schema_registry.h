// The definitions of a pipeline's tables, followed live from the nodes' schema files, and kept: a column has one id for
// ever, across ALTERs and restarts.
//
// What was once seen is not unseen: a node that lags behind the others, or whose disk is away, takes nothing back.
// Thread-safe: one thread refreshes, any may do the rest. What Find gives lives as long as the registry. Layout of its
// file, and when Cassandra writes its own: docs/formats/schema-log.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "cassandra/commitlog/mutation_decoder.h"
#include "codec/schema.h"
#include "model/schema.h"

namespace braid {

class SchemaRegistry : public TableLookup, public SchemaLookup {
 public:
  struct Options {
    std::string path;  // of the file that keeps the definitions; made if it is not there
    // Every node's data directories: their schema files are merged as if they were one node's.
    std::vector<std::string> data_directories;
    std::function<void(bool alarm, const std::string& message)> log;  // may be empty
  };

  // One thing that a Refresh found out. Nothing is told of Cassandra's own tables.
  struct Event {
    enum class Kind : uint8_t {
      kNew,      // a table that was not known; `before` is nullptr
      kChanged,  // columns, types or options
      kDropped,  // `after` is nullptr
    };
    Kind kind = Kind::kNew;
    const TableSchema* before = nullptr;
    const TableSchema* after = nullptr;
  };

  // Reads the file and then the schema of the nodes. What this finds out, compared with the file (so that of a new file
  // every table is kNew), the first Refresh tells. `files` must outlive the registry. Errors: those of ReadSchema, but
  // only if the file is new (later, nodes may be away); of the file kCorrupt, kUnsupported, kIoError, kNoSpace.
  static Result<std::unique_ptr<SchemaRegistry>> Open(FileSystem* files, const Options& options);
  virtual ~SchemaRegistry() = default;

  // Looks whether the schema files changed (a few stat calls a node) and if so reads them; new definitions are written
  // to the file and synced before anyone can find them. Gives what changed. A half-written or vanishing schema file is
  // no error: the old definitions stand and the next Refresh tries again; what is only seen half may take many. Errors:
  // kIoError, kNoSpace of our own file; nothing is lost, Refresh again.
  virtual Result<std::vector<Event>> Refresh() = 0;
  // Rises when something changed: decoders ask it to know when to forget tables.
  virtual uint64_t version() const = 0;

  // The newest definition of a table by its id, captured or not, dropped or not; nullptr if there is none.
  const TableSchema* FindTable(const TableId& id) const override = 0;
  // Any definition there ever was, by its own id.
  const TableSchema* Find(SchemaId id) const override = 0;
  // The newest definitions of the tables that exist and are captured, by name.
  virtual std::vector<const TableSchema*> CapturedTables() const = 0;
  // Why a table that exists cannot be read, with the cure; empty if it can or does not exist.
  virtual std::string WhyUnreadable(const TableId& id) const = 0;

  // Whether everything that was ever written to the table is in the logs that this pipeline has read: its history is
  // known. True of tables that appeared while the registry followed the schema, captured from the beginning as far as
  // can be told, and of those that MarkHistoryKnown was told of. False again once the table is not captured, or its
  // keyspace does not log (durable_writes = false). Kept in the file.
  virtual bool HistoryKnown(const TableId& id) const = 0;
  // Does nothing for a table that is not captured or not logged. Errors: kNotFound (no such table); kIoError, kNoSpace.
  virtual Status MarkHistoryKnown(const TableId& id) = 0;
};

// `fresh`, a definition of the same table with column ids of its own, as the successor of `before`: columns that
// `before` has keep its ids, new ones get the next. A key column is the same by its place (it can be renamed), any
// other by its name (it can be dropped and added again; Cassandra sees to it that it stays static or regular, of one
// cell or many). A column that only `before` has stays listed as dropped. The result's id is set (ComputeSchemaId).
// Pure.
TableSchemaPtr WithPermanentIds(const TableSchema& before, const TableSchema& fresh);

}  // namespace braid
