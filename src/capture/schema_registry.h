// The definitions of a pipeline's tables, followed live from nodes' schema files, and kept: a column has one id for
// ever, across ALTERs and restarts, and the same one for every process of the pipeline.
//
// They are kept in a journal (schema_journal.h): a file, if this process follows the files of all nodes, or one that
// many write, if each follows its own node's. What was once seen is not unseen: a node that lags behind the others, or
// whose disk is away, takes nothing back. Thread-safe: one thread refreshes, any may do the rest. Layouts, and when
// Cassandra writes its own files: docs/formats/schema-log.md and schema-journal.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "capture/schema_book.h"
#include "capture/schema_journal.h"
#include "capture/schema_record.h"
#include "model/schema.h"

namespace braid {

class SchemaRegistry : public SchemaBook {
 public:
  struct Options {
    std::string path = {};  // of the file that keeps the definitions, if one does; made if it is not there
    // The data directories of every node that is followed: their schema files are merged as if they were one node's.
    std::vector<std::string> data_directories = {};
    std::function<void(bool alarm, const std::string& message)> log = {};  // may be empty
    // The node whose files these are, of how many; of a shared journal only, and then it must be said.
    std::optional<SchemaWitness> node = {};
  };

  // Reads the file and then the schema of the nodes. What this finds out, compared with the file (so that of a new file
  // every table is kNew), the first Refresh tells. `files` must outlive the registry. Errors: those of ReadSchema, but
  // only if the file is new (later, nodes may be away); of the file kCorrupt, kUnsupported, kIoError, kNoSpace.
  static Result<std::unique_ptr<SchemaRegistry>> Open(FileSystem* files, const Options& options);
  // The same with a journal. Errors: those of ReadSchema, if nobody has written to it yet, and of SchemaJournal.
  static Result<std::unique_ptr<SchemaRegistry>> Open(FileSystem* files, std::unique_ptr<SchemaJournal> journal,
                                                      const Options& options);
  virtual ~SchemaRegistry() = default;

  // Looks whether the schema files changed (a few stat calls a node) and if so reads them; new definitions are in the
  // journal, durable, before anyone can find them. Takes in what others have written there. Gives what changed. A
  // half-written or vanishing schema file is no error: the old definitions stand and the next Refresh tries again; what
  // is only seen half may take many. Errors: those of SchemaJournal (a shared one is asked, and waited for, only if the
  // files say something new); nothing is lost, Refresh again.
  virtual Result<std::vector<Event>> Refresh() = 0;
  // Why a table that exists cannot be read, with the cure; empty if it can or does not exist.
  virtual std::string WhyUnreadable(const TableId& id) const = 0;

  // Says that a table's history is known (SchemaBook::HistoryKnown). Does nothing for a table that is not captured or
  // not logged. Errors: kNotFound (no such table); those of SchemaJournal.
  virtual Status MarkHistoryKnown(const TableId& id) = 0;
  // Says that all that Options::node ever wrote to the table is in the log that this process reads (capture/history.h):
  // the history is known once all nodes have said so. Does nothing for a table that is not captured or not logged, and
  // where the journal is not shared: who follows all nodes knows by himself. Errors: as MarkHistoryKnown.
  virtual Status MarkHistoryLogged(const TableId& id);
  // Says, once, that no more MarkHistoryLogged comes of the tables that Options::node has now; where the journal is not
  // shared it does nothing. Errors: those of SchemaJournal.
  virtual Status MarkIntroduced();
};

// `fresh`, a definition of the same table with column ids of its own, as the successor of `before`: columns that
// `before` has keep its ids, new ones get the next. A key column is the same by its place (it can be renamed), any
// other by its name (it can be dropped and added again; Cassandra sees to it that it stays static or regular, of one
// cell or many). A column that only `before` has stays listed as dropped. The result's id is set (ComputeSchemaId).
// Pure.
TableSchemaPtr WithPermanentIds(const TableSchema& before, const TableSchema& fresh);

// The same if `fresh` comes from a node that may not have heard of all that led to `before`: nothing of `before` is
// taken back. Each column is in the later of its two states; one that only `before` has stays as it is. `newer`: the
// last change in `fresh` is not older than that in `before`; then what has no state of its own (a table's options, the
// names of key columns) is as `fresh` has it. For whatever part of a table's changes anyone saw, in whatever order it
// is joined, all of it together is the table. Pure.
TableSchemaPtr JoinDefinitions(const TableSchema& before, const TableSchema& fresh, bool newer);

}  // namespace braid
