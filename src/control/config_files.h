// What the configuration says of files and directories, compared with those that are there.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
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

// Where the configuration's own files are, and whether they are opened.
struct ConfigFiles {
  std::string directory;     // from which relative paths are taken
  bool read_secrets = true;  // false: neither key files nor secrets are read, and what they hold stays empty
};

// The key that the file holds, without the line end at its end. Errors, which show neither the key nor the path:
// kInvalidArgument if others may read the file, or if it is too short or too long.
Result<std::string> ReadKeyFile(const std::string& path);

// `text`, with what each ${env:NAME} and ${file:PATH} in it stands for in its place: a variable of the environment, the
// file's content without the line end at its end (64 KiB at most, and not for others to read; a relative path is taken
// from files.directory). Empty without files.read_secrets, though checked as far as that goes. kInvalidArgument,
// without the place and showing nothing of `text`, for what is not there, and for any other "${".
Result<Secret> ResolveSecret(const std::string& text, const ConfigFiles& files);

}  // namespace braid
