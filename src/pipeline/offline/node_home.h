// The directories that the user names: what a node left behind.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/position.h"

namespace braid {

// One commit-log segment in a node's cdc_raw.
struct SegmentFile {
  std::string path;
  SegmentId id;
  uint64_t size_bytes = 0;
};

// A node's directory: cdc_raw/ with its segments, data/ with its schema and its tables.
struct NodeHome {
  std::string name;  // the label that the user gave it
  std::string path;
  std::vector<SegmentFile> segments;  // by id; empty before FindLogs

  std::string data_directory() const { return path + "/data"; }
};

// The segments in `directory`, by id. kIoError if it cannot be listed.
Result<std::vector<SegmentFile>> ListSegments(const std::string& directory);

// Parses each "NAME=HOME". Gives the nodes sorted by name, so that a NodeIndex is a place in the list. Errors:
// kInvalidArgument for the form and for two nodes of one name, kNotFound for a directory that is not there.
Result<std::vector<NodeHome>> OpenNodeHomes(const std::vector<std::string>& arguments);

// Lists every node's segments. kNotFound, with what to do, for a node without captured logs; kIoError.
Status FindLogs(std::vector<NodeHome>* homes);

}  // namespace braid
