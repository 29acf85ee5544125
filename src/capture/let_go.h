// What the guard of cdc_raw let go of, written down before the files go: a disk that is full may keep the gap from
// becoming durable for long, and a process that dies by then must find it again. Layout: docs/formats/let-go.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "model/gap.h"

namespace braid {

// One node's record: of one gap, which takes in each further one. Its file has its full size from the beginning, so
// that writing it needs no space. Not thread-safe.
class LetGoRecord {
 public:
  // Reads the file, which is made (with its directory) if it is not there. An empty path: nothing is written down.
  // Errors: kNoSpace, kIoError, kUnsupported (a later Braid's); a file that says nothing whole counts as empty.
  static Result<LetGoRecord> Open(FileSystem* files, std::string path);

  // What was let go and is not known to be durable downstream.
  const std::optional<Gap>& gap() const { return gap_; }

  // Adds `gap`, which begins where the last one ended or after it. Synced when it returns: only then may files go.
  Status Add(const Gap& gap);
  // Everything up to `durable` is durable downstream, gaps too. Not synced: at worst it is told twice.
  Status Release(const Position& durable);

 private:
  LetGoRecord(FileSystem* files, std::string path) : files_(files), path_(std::move(path)) {}

  Status Write(std::optional<Gap> gap);

  FileSystem* files_;
  std::string path_;
  std::optional<Gap> gap_;
  std::string content_;  // of the file
  uint64_t writes_ = 0;
};

}  // namespace braid
