// An SSTable as JSON lines: what `braid inspect sstable` prints. Forms: docs/formats/sstable.md.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cassandra/sstable/scan.h"
#include "cassandra/sstable/sstable.h"
#include "model/schema.h"

namespace braid {

struct SstableDumpOptions {
  // The definition by which to read; nullptr: what the file's own header says.
  TableSchemaPtr schema;
  ScanOptions scan;
  // Whether to look for a way on behind damage, which is then told by a line of its own; else the first damage ends it.
  bool skip_damage = false;
};

// Gives the header's line, then one for each piece of each partition, in order; none ends in a line end. The lines live
// during the call. Errors: those of SstableScanner; what was printed before stands.
Status DumpSstable(const Sstable* sstable, const SstableDumpOptions& options,
                   const std::function<void(std::string_view)>& print);

// The same of the files of which `path` is one.
Status DumpSstable(const std::string& path, const SstableDumpOptions& options,
                   const std::function<void(std::string_view)>& print);

}  // namespace braid
