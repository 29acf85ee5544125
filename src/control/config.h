// The configuration: one YAML file, checked whole before anything starts, with the line of each mistake.
// Reference: docs/configuration.md.
#pragma once

#include <string>

#include "base/result.h"
#include "pipeline/run/config.h"

namespace braid {

// Reads and checks the file. On mistakes the error is kInvalidArgument, and its message holds all of them, one a line,
// each as "PATH:LINE: what is wrong; what to do". Relative paths are taken from the file's directory. Key files are
// read here. What needs the schema (columns, predicates) is checked by StreamShape::Make.
Result<Config> ReadConfig(const std::string& path);

}  // namespace braid
