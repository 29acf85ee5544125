// A small file that is replaced whole: four bytes of magic, the version, the content, and XXH3-64 (seed 0) of all that.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/result.h"

namespace braid {

struct SealedForm {
  ByteView magic;
  uint8_t version;   // the newest
  const char* what;  // what messages call it
};

// The content. Errors, with the path: kNotFound, kIoError, kCorrupt, kUnsupported (of a newer version).
Result<std::string> ReadSealed(FileSystem* files, const std::string& path, const SealedForm& form);
// Replaces the file. Errors: those of FileSystem::ReplaceFile.
Status WriteSealed(FileSystem* files, const std::string& path, const SealedForm& form, ByteView content);

}  // namespace braid
