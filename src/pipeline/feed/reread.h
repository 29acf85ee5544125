// Reads a part of a node's log once more.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "capture/node_capture.h"
#include "capture/schema_registry.h"

namespace braid {

// What of a node's log is wanted, and how.
struct Reread {
  NodeFiles files;
  std::vector<std::string> exclude;  // as NodeCapture::Options::exclude
  TableId table;
  Position after;  // exclusive
  Position until;  // inclusive
};

// Gives the mutations of one table between two positions, each as a Transaction of its own part alone, in order; it
// lives during the call. True if every segment between the two was there and whole. Errors: those of `give`; kIoError.
Result<bool> ReadAgain(FileSystem* files, const SchemaRegistry& schemas, const Reread& what,
                       const std::function<Status(const Transaction&)>& give);

}  // namespace braid
