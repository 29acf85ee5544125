// `braid backfill --node …`: the SSTables of any number of nodes become what their tables hold, offline, once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/time.h"
#include "pipeline/backfill/table_files.h"
#include "pipeline/offline/tables.h"

namespace braid {

struct BackfillOptions {
  std::vector<std::string> nodes;   // NAME=HOME
  std::string out;                  // a directory; made if it is not there
  std::vector<std::string> tables;  // keyspace.table, captured or not; empty: every captured table
  FileChoice files;
  // What has expired by then is gone. Also the time at which all events say that they were emitted.
  UnixSeconds now;
  // What it may take, about; a row larger than its share is still read.
  uint64_t memory_bytes = uint64_t{256} << 20;
  OnCorruption on_corruption = OnCorruption::kStop;
  std::string name = "braid";  // the pipeline's name, in every event
  // Called now and then with the part of the whole work that is done, 0 to 1. May be empty.
  std::function<void(const char* step, double done)> progress;
  // Asked often whether to end early; the answer is then kTransient and nothing is left in `out`. May be empty.
  std::function<bool()> stop;
};

// What a backfill did, for people.
struct BackfillSummary {
  struct Table {
    std::string name;
    uint64_t rows = 0;
  };
  std::vector<Table> tables;  // in the order of their names
  uint64_t sstables = 0;
  uint64_t bytes = 0;  // of their data, uncompressed
  uint64_t partitions = 0;
  uint64_t rows = 0;
  uint64_t dead_rows = 0;  // read, but deleted or expired
  std::vector<std::string> schema_warnings;
  // Tables and nodes that have no files, one line each.
  std::vector<std::string> missing;
  // What could not be read, one line each: file, offset, and the tokens of which the rows rest on other copies.
  std::vector<std::string> damage;
};

// Runs it. Writes `out`/<keyspace>.<table>.ndjson for every table that a node has a directory of, all or none of them:
// one event with op "r" for each row that lives at `now`, by (token, key), a static row before its partition's rows.
// Errors say what, where and what to do; on one nothing appears in `out`.
Result<BackfillSummary> Backfill(const BackfillOptions& options);

}  // namespace braid
