// Whether a write would still change a state: asked before it is held.
#pragma once

#include "base/arena.h"
#include "base/result.h"
#include "model/mutation.h"
#include "reconcile/state.h"

namespace braid {

// False if applying `write`, one write (lww/write.h), to `state` would change nothing: it is a copy, or overtaken. A
// dry run: nothing is written. What is read is in `arena`, which may be reset afterwards. Errors: the state's.
Result<bool> IsNews(State* state, const Mutation& write, Arena* arena);

}  // namespace braid
