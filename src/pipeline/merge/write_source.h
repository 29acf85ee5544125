// Any writes of one table, in any order, as a source of a merge.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "codec/schema.h"
#include "model/mutation.h"
#include "model/schema.h"
#include "pipeline/merge/piece_source.h"
#include "pipeline/spill/sorter.h"

namespace braid {

// Sorts mutations, in memory or on disk, and gives them joined:
//
//   WriteSorter sorter(schema, {.directory = …});
//   TRY(sorter.Add(mutation)); …
//   ASSIGN_OR_RETURN(auto source, sorter.Finish("commit logs of n1"));
//
// Not thread-safe.
class WriteSorter {
 public:
  struct Options {
    size_t memory_bytes = 32 << 20;  // what is beyond goes to disk; writes too large for it take what they need
    std::string directory;           // where on disk; it must exist
    size_t piece_rows = 1024;        // as ScanOptions
    size_t piece_bytes = 256 << 10;  // as ScanOptions, of the form in which writes are sorted
  };

  WriteSorter(TableSchemaPtr schema, const Options& options);

  // Takes a copy of a mutation of the table that `schema` defines, read by that definition. Errors: those of
  // Sorter::Add.
  Status Add(const Mutation& mutation);

  // Ends the adding; called once. The source owns all that it needs; `name` is for messages. Its errors are those of
  // reading back what was sorted: kIoError, kCorrupt, after which there is no way on. Errors: kIoError.
  Result<std::unique_ptr<PieceSource>> Finish(std::string name);

 private:
  Status AddInside(ByteView place, char kind, const Mutation& part);
  Status AddRecord(const Mutation& part);

  TableSchemaPtr schema_;
  const Options options_;
  Sorter sorter_;
  Sorter large_;
  std::string prefix_;
  std::string key_;
  std::string value_;
};

}  // namespace braid
