// The file in which a schema registry keeps what must not be learned twice: every definition that anyone may have
// found, with its column ids. It only grows, a synced batch of records at a time. Layout: docs/formats/schema-log.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "capture/schema_record.h"

namespace braid {

// Not thread-safe.
class SchemaLog {
 public:
  // Opens the file, which is made if it is not there, and gives what it holds, in order. A batch that a crash left
  // unfinished at the end is cut off; nobody has seen it. Errors: kCorrupt (damage before the end, with the offset and
  // the cure), kUnsupported (of a newer Braid), kIoError, kNoSpace.
  static Result<std::pair<std::unique_ptr<SchemaLog>, std::vector<SchemaRecord>>> Open(FileSystem* files,
                                                                                       const std::string& path);

  // What the file holds now, while another process may be adding to it. Errors: kNotFound; as Open.
  static Result<std::vector<SchemaRecord>> Read(FileSystem* files, const std::string& path);

  // Adds the records and syncs them: all or none. After an error the file is as it was before; try again. Errors:
  // kIoError, kNoSpace.
  Status Append(const std::vector<SchemaRecord>& records);

 private:
  SchemaLog(std::unique_ptr<WritableFile> file, uint64_t end) : file_(std::move(file)), end_(end) {}

  std::unique_ptr<WritableFile> file_;
  uint64_t end_;  // of what is whole
};

}  // namespace braid
