// Lets a node of a pipeline go, whether the pipeline runs or not.
#pragma once

#include <string>

#include "base/result.h"

namespace braid {

enum class RetireOutcome {
  kDone,   // the pipeline does not run: its next start knows
  kAsked,  // it runs: it will within a second or two
};

// `name`: the node's label, or its host id. Errors: kNotFound (no pipeline in `state`, no such node), kInvalidArgument
// (several of that label), kIoError.
Result<RetireOutcome> RetireNode(const std::string& state, const std::string& name);

}  // namespace braid
