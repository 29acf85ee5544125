// The writing end of one timeline partition: a durable, ordered log of the Changes of all tables.
// Layout: docs/formats/timeline.md. Belongs to one thread. A batch takes less than 4 GiB (CHECKed).
//
// What is appended becomes durable by Sync and visible to readers by Publish; between the two the host commits its own
// state, which remembers end(). After a crash the partition is cut back to the end that the state remembers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "model/change.h"
#include "model/gap.h"
#include "model/position.h"

namespace braid {

class TimelineWriter {
 public:
  struct Options {
    std::string directory;  // of this partition; made if it is not there, mode 0700
    uint32_t partition = 0;
    uint64_t epoch = 1;
    uint64_t segment_bytes = uint64_t{64} << 20;  // a segment that has grown past this is followed by a new one
    uint64_t index_every_bytes = uint64_t{64} << 10;
  };

  struct Stats {
    uint64_t bytes = 0;  // of all segments on disk
    uint64_t segments = 0;
    uint64_t first = 1;     // the oldest sequence number that is kept
    uint64_t appended = 0;  // records since Open
    int64_t oldest_us = 0;  // when the oldest kept record was emitted; 0 if there is none
  };

  // Opens or makes the partition. `committed_end` is the number of the next record as the host's state remembers it (1
  // of a new one): everything from there on is cut off. Errors: kCorrupt if the log ends before it, or holds another
  // partition or epoch; kUnsupported (a newer version); kIoError, kNoSpace.
  static Result<std::unique_ptr<TimelineWriter>> Open(FileSystem* files, const Options& options,
                                                      uint64_t committed_end);
  virtual ~TimelineWriter() = default;

  // Adds a record to the batch at hand and gives its number. What the arguments point to is copied. A definition is
  // written before the first Change of a segment that names it. Cannot fail: nothing is written yet.
  virtual uint64_t Append(const Change& change) = 0;
  virtual uint64_t Append(const Gap& gap) = 0;

  // Writes the batch at hand, emitted at `now_us` (never before the last one), and makes it outlast a crash. Nothing to
  // do if the batch is empty. On an error (kNoSpace, kIoError) the file is as it was, the batch is kept, and Sync may
  // be tried again; or Rollback.
  virtual Status Sync(int64_t now_us) = 0;
  // Makes all that was synced visible to readers, in this process and others, and wakes them. On an error they will see
  // it with the next Publish: what the host has committed stays.
  virtual Status Publish() = 0;
  // Drops everything since the last Publish, synced or not.
  virtual Status Rollback() = 0;

  // The number that the next record will get. Numbers are dense and start at 1.
  virtual uint64_t end() const = 0;
  // Bytes of the batch at hand, about: hosts bound it.
  virtual size_t pending_bytes() const = 0;

  // Removes the oldest segments, never the one that is written, of which every record was emitted before
  // `keep_since_us`, and then as many as it takes to bring the partition under `keep_bytes`. But no segment that has
  // records at or after `pinned` (the least number that somebody still needs; end() if nobody).
  virtual Status Retain(int64_t keep_since_us, uint64_t keep_bytes, uint64_t pinned) = 0;

  virtual Stats stats() const = 0;
};

}  // namespace braid
