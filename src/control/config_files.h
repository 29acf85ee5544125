// What the configuration says of files and directories, compared with those that are there.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "capture/node_capture.h"

namespace braid {

// `text`, a path in a configuration file that lies in `directory`, in its shortest form. kInvalidArgument, without the
// place, for what a shell would have replaced (~, $).
Result<std::string> ResolvePath(const std::string& directory, const std::string& text);

// What hinders Braid from working in the node's directories: a line each ("cdc_raw: what is wrong; what to do").
std::vector<std::string> CheckNodeDirectories(const NodeFiles& node);

// What is wrong with the place where Braid is to keep its own: a file, or within a node's directory, or a node's
// directory within it; empty if nothing.
std::string CheckStateDirectory(const std::string& state, const std::vector<NodeFiles>& nodes);

// The key that the file holds, without the line end at its end. Errors, which show neither the key nor the path:
// kInvalidArgument if others may read the file, or if it is too short or too long.
Result<std::string> ReadKeyFile(const std::string& path);

}  // namespace braid
