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

// A node's directory: cdc_raw/ with its segments, data/ with its schema.
struct NodeHome {
  std::string name;  // the label that the user gave it
  std::string path;
  std::vector<SegmentFile> segments;  // by id

  std::string data_directory() const { return path + "/data"; }
};

// The segments in `directory`, by id. kIoError if it cannot be listed.
Result<std::vector<SegmentFile>> ListSegments(const std::string& directory);

// Parses "NAME=HOME" and lists its segments. Errors name what is missing and what to do: kInvalidArgument for the
// form, kNotFound for a directory that is not there.
Result<NodeHome> OpenNodeHome(const std::string& argument);

// All of them, sorted by name, so that a NodeIndex is a place in the list. Two nodes of one name are refused.
Result<std::vector<NodeHome>> OpenNodeHomes(const std::vector<std::string>& arguments);

}  // namespace braid
