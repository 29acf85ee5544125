// Within spill: sorted runs in a temporary file without a name.
//
// A run is blocks one after another: raw size, stored size and XXH3-64 of the stored bytes (32, 32 and 64 bits, of this
// machine), then those bytes: LZ4, or as they are where the sizes are equal. A block holds whole records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "pipeline/spill/record.h"

namespace braid::spill {

// A run's place in its file.
struct Run {
  uint64_t begin = 0;
  uint64_t end = 0;
};

// Runs are appended, then read. The file is gone when this is, also if the process is killed: its name is removed as
// soon as it is open. Reading is thread-safe.
class RunFile {
 public:
  // In `directory`, which must exist. Errors: kIoError, naming it.
  static Result<std::unique_ptr<RunFile>> Create(const std::string& directory);
  ~RunFile();
  RunFile(const RunFile&) = delete;
  RunFile& operator=(const RunFile&) = delete;

  // Errors: kIoError, with the directory and what to do (a full disk, a limit on files).
  Status Append(ByteView bytes);
  // Exactly `size` bytes. Errors: kIoError; kCorrupt if the file has fewer.
  Status Read(uint64_t offset, char* to, size_t size) const;

  uint64_t size() const { return size_; }
  const std::string& directory() const { return directory_; }

 private:
  RunFile(std::string directory, int descriptor) : directory_(std::move(directory)), descriptor_(descriptor) {}

  std::string directory_;
  int descriptor_;
  uint64_t size_ = 0;
};

// Writes one run at the end of a file. Holds two blocks of memory, whatever the size of records.
class RunWriter {
 public:
  // `block_bytes`: when a block is written. `file` must outlive the writer.
  RunWriter(RunFile* file, size_t block_bytes);

  // Takes records in order, each as StoreRecord left it.
  Status Add(ByteView stored);
  // The whole run. Nothing may be added after it.
  Result<Run> Finish();

  // Of the largest block written: what a reader of the run must hold.
  size_t largest_block_bytes() const { return largest_block_bytes_; }

 private:
  Status WriteBlock(ByteView raw);

  RunFile* file_;
  size_t block_bytes_;
  Run run_;
  std::string raw_;
  std::vector<char> packed_;
  size_t largest_block_bytes_ = 0;
};

// Steps through one run. Holds one block.
class RunReader {
 public:
  // `packed` is for blocks on their way; several readers that are stepped by one thread may share it. Both must outlive
  // the reader.
  RunReader(const RunFile* file, Run run, std::vector<char>* packed) : file_(file), run_(run), packed_(packed) {}

  // To the next record; false at the end. Errors: kIoError, kCorrupt (a block that is not what was written).
  Result<bool> Next();
  // The current record, and its PrefixOf. Its bytes live until Next().
  const Record& record() const { return record_; }
  uint64_t prefix() const { return prefix_; }

 private:
  Status ReadBlock();

  const RunFile* file_;
  Run run_;  // what is left of it
  std::vector<char>* packed_;
  std::vector<char> block_;
  size_t block_size_ = 0;
  size_t next_ = 0;  // in block_
  Record record_;
  uint64_t prefix_ = 0;
};

}  // namespace braid::spill
