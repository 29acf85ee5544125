// What a schema journal says, kept up to date: for whoever has no node's files, such as a worker that is told of
// mutations by agents elsewhere.
//
// A definition that a mutation names is in the journal before the mutation is sent: the agent's Append was acknowledged
// first. So one that is not known here is found by a ReadNew that begins after the mutation was received.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/result.h"
#include "capture/schema_book.h"
#include "capture/schema_fold.h"
#include "capture/schema_journal.h"

namespace braid {

// Thread-safe: those who read on or append wait for one another, those who ask wait for nobody.
class JournalBook : public SchemaBook {
 public:
  // Reads the journal from its beginning. Errors: those of SchemaJournal::ReadNew.
  static Result<std::unique_ptr<JournalBook>> Open(std::unique_ptr<SchemaJournal> journal);

  // Takes in what anyone had appended when this was called, and gives what that changed: a table whose history became
  // known, too (kChanged, with the same definition before and after). Errors: those of
  // SchemaJournal::ReadNew; what is known stands.
  Result<std::vector<Event>> ReadNew();
  // The same with what has come by itself; asks nobody and does not wait.
  Result<std::vector<Event>> ReadArrived();

  // Says that everything that was ever written to the table is in logs that were read, or has been made good (by a
  // backfill). Does nothing for a table that is not captured. Errors: kNotFound (no such table); those of
  // SchemaJournal.
  Status MarkHistoryKnown(const TableId& id);

  // Whether every node's agent has said what it has to say about the histories of the tables that it found. For the
  // thread that reads on.
  bool all_introduced() const { return fold_.all_introduced(); }
  // Of how many nodes agents have spoken; 0 before the first has. For the same thread.
  uint32_t nodes_in_all() const { return fold_.nodes_in_all(); }

  uint64_t version() const override { return fold_.version(); }
  const TableSchema* FindTable(const TableId& id) const override { return fold_.FindTable(id); }
  const TableSchema* Find(SchemaId id) const override { return fold_.Find(id); }
  std::vector<const TableSchema*> CapturedTables() const override { return fold_.CapturedTables(); }
  bool HistoryKnown(const TableId& id) const override { return fold_.HistoryKnown(id); }

 private:
  explicit JournalBook(std::unique_ptr<SchemaJournal> journal) : journal_(std::move(journal)) {}
  std::vector<Event> Take(const std::vector<SchemaRecord>& records);

  std::mutex writing_;  // held by whoever uses journal_ or changes fold_
  std::unique_ptr<SchemaJournal> journal_;
  SchemaFold fold_;
  std::vector<Event> untold_;
};

// What a book and a registry do in MarkHistoryKnown: appends that the table's history is known, and passes to `take`,
// which folds it into `fold`, what the journal holds since. Errors: as there.
Status AppendHistoryKnown(const TableId& id, SchemaJournal* journal, const SchemaFold& fold,
                          const std::function<void(const std::vector<SchemaRecord>&)>& take);

}  // namespace braid
