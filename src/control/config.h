// The configuration: one YAML file, checked whole before anything starts, with the line of each mistake.
// Reference: docs/configuration.md.
#pragma once

#include <string>

#include "base/result.h"
#include "pipeline/run/config.h"

namespace braid {

// What the configuration is read for: it says how much beyond the text is looked at.
enum class ConfigUse {
  kRun,        // run: all of it; the nodes' directories must be there and allow what Braid does in them
  kCapture,    // capture: the same, and kafka must be there; which nodes are on this machine, the agent finds out
  kReconcile,  // reconcile: key files and secrets, no directory of a node; kafka must be there, source need not
  kValidate,   // validate: all that is there; with kafka, source need not be
  kRead,       // read: key files and secrets too, but no directory of a node
  kAsk,        // status, retire: the text alone. hmac_key and secrets stay empty
};

// Reads and checks the file. On mistakes the error is kInvalidArgument, and its message holds all of them, one a line,
// each as "PATH:LINE: what is wrong; what to do"; no line shows a secret. Relative paths are taken from the file's
// directory. Key files and secrets are read here. What needs the schema (columns, predicates) is checked by
// StreamShape::Make. kNotFound, kIoError: the file itself cannot be read. Thread-safe.
Result<Config> ReadConfig(const std::string& path, ConfigUse use = ConfigUse::kRun);

// The same of a text that stands for the content of the file `path`.
Result<Config> ParseConfig(const std::string& text, const std::string& path, ConfigUse use);

}  // namespace braid
