// `braid inspect state`: what a shard remembers.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace braid {

struct InspectStateOptions {
  std::string path;     // a shard's state: STATE/shards/NNN
  std::string schemas;  // the pipeline's definitions, STATE/schemas; empty: columns by number, values in hex
};

// Prints the mark and, partition by partition, header, rows and timers as JSON lines; docs/formats/state.md has their
// forms. The state must not be in use. Errors: kNotFound, kTransient (in use, by which process), kCorrupt,
// kUnsupported, kIoError.
Status InspectState(const InspectStateOptions& options, const std::function<void(std::string_view)>& print);

}  // namespace braid
