// The live log of one Cassandra node: the room's door, with schema_registry.h.
//
// It follows the segments in the node's cdc_raw in order, gives what they hold, and removes them once told that it is
// durable downstream. It reads files only: no connection to the database, no query. Facts: docs/formats/commitlog.md
// and cdc.md. Not thread-safe; no thread, no clock: the host steps it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "capture/schema_registry.h"
#include "model/gap.h"
#include "model/mutation.h"
#include "model/position.h"
#include "model/time.h"

namespace braid {

// A node's directories.
struct NodeFiles {
  std::string name;       // its label
  std::string cdc_raw;    // must be there
  std::string commitlog;  // may be empty: then nobody can tell a dead segment from a live one but by its _cdc.idx
  std::vector<std::string> data;  // one or more: the schema and the host id are found there
};

// An offset beyond every entry: of a Position that stands for a whole segment, read to its end.
inline constexpr uint64_t kSegmentEnd = UINT64_MAX;

// TRUNCATE as one node logged it. A copy of the table that this node logged before `cut` is void.
struct Truncation {
  TableId table;
  NodeIndex node;
  Position cut;      // as Cassandra recorded it
  Position seen_at;  // of the log entry that told of it
  WriteTime at;      // when, by the node's clock
};

// How far a node's log has been given.
struct CaptureProgress {
  NodeIndex node;
  Position position;    // everything up to and including this was given; offset kSegmentEnd: the whole segment
  WriteTime watermark;  // the node logged nothing before this time (by this machine's clock) that was not given
};

// Takes what a node logged, in the log's order. What is passed lives during the call. An error stops the step and comes
// out of it; the same is given again by the next Step.
class CaptureSink {
 public:
  virtual ~CaptureSink() = default;
  // Of captured tables only; never empty.
  virtual Status OnTransaction(const Transaction& transaction) = 0;
  virtual Status OnTruncation(const Truncation& truncation) = 0;
  virtual Status OnGap(const Gap& gap) = 0;
  virtual Status OnProgress(const CaptureProgress& progress) = 0;
};

class NodeCapture {
 public:
  enum class Tail : uint8_t {
    kSynced,  // as far as the node says that its log is synced
    kLive,    // as far as whole entries can be seen
  };
  enum class OnCorruption : uint8_t { kStop, kSkip };  // kSkip: a Gap, and on
  enum class OnOverflow : uint8_t {
    kDrop,   // segments that are not durable yet are let go, oldest first, each with a Gap, so that Cassandra goes on
    kBlock,  // they are kept, and Cassandra refuses writes (its own choice: cdc_block_writes)
  };

  struct Options {
    NodeFiles files;
    NodeIndex node;
    Tail tail = Tail::kSynced;
    OnCorruption on_corruption = OnCorruption::kStop;
    OnOverflow on_overflow = OnOverflow::kDrop;
    // Cassandra's cdc_total_space; 0: what Cassandra takes if nothing is set (the least of 4 GiB and an eighth of the
    // volume). At 3/4 of it a warning, at 9/10 what on_overflow says.
    uint64_t cdc_space_bytes = 0;
    // A log that is only seen when it is synced (compressed) is taken as read up to this long ago: a few sync periods.
    int64_t sync_slack_us = 30'000'000;
    // How long a mutation of its own waits for the schema files to define its table (DESIGN: schema_wait).
    int64_t schema_wait_us = 30'000'000;
    // Columns that never leave the decoder: "keyspace.table.column".
    std::vector<std::string> exclude;
    // A file for what is let go, to be kept from run to run; its directory is made. Empty: a process that dies before
    // the gap is durable downstream loses it.
    std::string let_go_path;
    // Where to go on: the position committed before, if any. Segments up to there are known, also if they come back.
    std::optional<Position> resume;
    // Called with a line for people and whether it is an alarm. May be empty.
    std::function<void(bool alarm, const std::string& message)> log;
  };

  struct Stats {
    uint64_t bytes_read = 0;   // of segments
    uint64_t entries = 0;      // of all tables
    uint64_t mutations = 0;    // of captured tables
    uint64_t passed_over = 0;  // parts whose table nobody defined in time
    uint64_t corrupt = 0;      // damaged places
    uint64_t gaps = 0;
    uint64_t segments_removed = 0;
    uint64_t cdc_raw_bytes = 0;    // as Cassandra counts it: every linked segment at its full size
    uint64_t cdc_space_bytes = 0;  // the limit that is guarded
    uint64_t unread_bytes = 0;     // known to be synced and not given yet, about
    WriteTime last_write;          // the greatest write time given
    WriteTime watermark;
    Position position;
    bool waiting_for_schema = false;
    bool reachable = true;  // false: its directories cannot be listed; Step tries again
  };

  // `files`, `schemas` must outlive it. Errors: kNotFound, kIoError (a directory), kInvalidArgument (exclude).
  static Result<std::unique_ptr<NodeCapture>> Open(FileSystem* files, SchemaRegistry* schemas, const Options& options);
  virtual ~NodeCapture() = default;

  // Gives what is new, at most about `max_bytes` of log, in order, with OnProgress after it. `now_us`: the wall clock.
  // True: there may be more at once; false: nothing more until files change. Errors: the sink's; kCorrupt (OnCorruption
  // kStop) with file and offset and what to do. A directory that is not there for a while is no error (see Stats).
  virtual Result<bool> Step(int64_t now_us, uint64_t max_bytes, CaptureSink* sink) = 0;

  // Everything up to and including `position` is durable downstream: removes the segments in cdc_raw (each pair of .log
  // and _cdc.idx, and nothing else) that are finished and not after it. Call it now and then.
  virtual Status Release(Position position) = 0;

  virtual Stats stats() const = 0;
};

// Tells that files in some directories changed, by inotify; what is written through mmap it does not see, so poll too.
class Watcher {
 public:
  static Result<std::unique_ptr<Watcher>> Make();
  virtual ~Watcher() = default;
  // kNotFound, kIoError. Adding one again does nothing.
  virtual Status Add(const std::string& directory) = 0;
  // Sleeps until something changed (true) or the time has passed (false).
  virtual bool Wait(int timeout_ms) = 0;
};

}  // namespace braid
