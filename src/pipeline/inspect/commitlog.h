// `braid inspect commitlog`: what is in commit-log segments, cell by cell, or only how much and how fast it is read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace braid {

struct InspectCommitLogOptions {
  std::string path;              // a segment, or a directory of segments
  std::string schema_directory;  // a node's data/
  std::string table;             // keyspace.table; empty: all
  bool count = false;
  int repeat = 1;  // passes over the files with `count`
};

// Prints the mutations as lines (tests/recorder/README.md has their form), or with `count` one line of numbers:
// {"mutations":…,"cells":…,"bytes":…,"seconds":…}, the seconds of the best pass. Problems that do not end the reading
// (torn ends, unknown tables) go to `warn`, one line each.
Status InspectCommitLog(const InspectCommitLogOptions& options, const std::function<void(std::string_view)>& print,
                        const std::function<void(std::string_view)>& warn);

}  // namespace braid
