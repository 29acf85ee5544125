// The reading end of one timeline partition, in the process that writes it or in another.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "model/change.h"
#include "model/gap.h"
#include "model/schema.h"

namespace braid {

// One record: a Change or a Gap.
struct TimelineRecord {
  Sequence sequence;
  int64_t emitted_us = 0;
  const Change* change = nullptr;
  const Gap* gap = nullptr;
};

class TimelineReader {
 public:
  struct Options {
    std::string directory;  // of the partition
    // Only Changes of tables that it says yes to, read without the others' bytes, and all Gaps. Asked once for each
    // definition. Empty: all.
    std::function<bool(const TableSchema&)> wanted;
  };

  // Errors: kNotFound (no timeline there), kCorrupt, kUnsupported, kIoError; each with the file.
  static Result<std::unique_ptr<TimelineReader>> Open(FileSystem* files, const Options& options);
  virtual ~TimelineReader() = default;

  // What readers may see now: [first, committed).
  struct Bounds {
    uint64_t epoch = 0;
    uint32_t partition = 0;
    uint64_t first = 1;
    uint64_t committed = 1;
  };
  // Looks again at the files. Cheap: one small read if nothing was removed.
  virtual Result<Bounds> Refresh() = 0;

  // The next record given is the first at or after number `n`. kNotFound, saying what was lost, if `n` is older than
  // what is kept; kInvalidArgument if it lies after the committed end.
  virtual Status Seek(uint64_t n) = 0;
  // The same for the first record emitted at or after `time_us`; the committed end if there is none yet.
  virtual Status SeekTime(int64_t time_us) = 0;

  // The next record; nullptr at the committed end (as of the last Refresh, which it does by itself there). What it
  // points to lives until the next call. Errors: kCorrupt with file and offset; kNotFound if retention has overtaken
  // the reader: it says from where to where records are lost, and Seek(first) goes on.
  virtual Result<const TimelineRecord*> Next() = 0;
  // The number that Next will look from.
  virtual uint64_t next() const = 0;
  // When the record with that number was emitted, in microseconds since 1970; kNotFound at the committed end.
  virtual Result<int64_t> EmittedAt() = 0;

  // Sleeps until the committed end may have moved past next(), or `timeout_ms` have passed.
  virtual Status Wait(int timeout_ms) = 0;
};

}  // namespace braid
