// Where reconciliation puts what it has to say.
#pragma once

#include "base/result.h"
#include "model/change.h"

namespace braid {

class ChangeSink {
 public:
  virtual ~ChangeSink() = default;

  // Takes one Change; changes of one partition come in their final order. `change` and all that it points to live
  // until this returns. `sequence` is not set, and `snapshot` is kTrue of each kRead and else kFalse:
  // which of them is first or last is the sink's to know. An error stops the reconciler's call, which returns it.
  virtual Status Emit(const Change& change) = 0;
};

}  // namespace braid
