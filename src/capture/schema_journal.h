// The journal in which a pipeline's definitions are kept: an ordered list of records that only grows. Whoever reads it
// to the same place knows the same (SchemaFold).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "capture/schema_record.h"

namespace braid {

// Not thread-safe. A journal that many processes write is one object in each of them.
class SchemaJournal {
 public:
  virtual ~SchemaJournal() = default;

  // Whether others write it too. Then a record that rests on what its writer knew must say on what
  // (SchemaRecord::base), and whether it counts is seen where it stands.
  virtual bool shared() const = 0;

  // Everything that anyone had appended when this was called and that was not given yet, in the journal's order; first
  // of all what it has held from the beginning. May wait for an answer, for a bounded time. Errors: kTransient (it
  // cannot be reached: what was given stands, try again), kCorrupt, kUnsupported (with the place), kIoError.
  virtual Result<std::vector<SchemaRecord>> ReadNew() = 0;

  // Like ReadNew, but only what has come by itself: it asks nobody and does not wait.
  virtual Result<std::vector<SchemaRecord>> ReadArrived() = 0;

  // Adds the records, in this order; those of others may come between them. They are durable when it returns. On an
  // error none, some or all of them are, or will be: ReadNew, and see. Errors: kTransient, kIoError, kNoSpace.
  virtual Status Append(const std::vector<SchemaRecord>& records) = 0;
};

// The journal in a file of our own (schema_log.h), with one writer. After an error of Append none of the records is in
// it. Errors: those of SchemaLog::Open.
Result<std::unique_ptr<SchemaJournal>> OpenFileSchemaJournal(FileSystem* files, const std::string& path);

}  // namespace braid
