// `braid read`: one stream of a pipeline, from any place in it, as JSON lines. Works beside whatever writes it and
// without: it reads the timeline's files or, where the configuration has `kafka`, the stream's topics.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "pipeline/read/position.h"
#include "pipeline/run/config.h"

namespace braid {

struct ReadOptions {
  std::string stream;
  ReadFrom from;
  bool follow = false;  // false: ends at the committed end
  // Takes lines, each with its end. An error stops the reading and comes out of it.
  std::function<Status(std::string_view lines)> write;
  // Called where everything that there was has been written.
  std::function<void()> flush;
  // Asked often whether to end. May be empty.
  std::function<bool()> stop;
};

// Reads until the end (or, following, until stopped) and gives the text of the position at which a later read goes on.
// Events of one partition key keep their order. A Gap of its tables comes once, as a control event. Errors: kNotFound
// (no such stream, no such pipeline, or what was asked for is no longer kept: with what is lost and how to go on),
// kInvalidArgument (a place that does not fit this timeline, a stream that does not fit the schema), kCorrupt,
// kUnsupported, kIoError; kTransient, no broker answers.
Result<std::string> ReadStream(const Config& config, const ReadOptions& options);

// The stream of that name: as configured or, where none is configured, of the table that it names.
Result<StreamSpec> FindStream(const Config& config, const std::string& name);

}  // namespace braid
