// Says of each event of a table whether it is the first, the last, or one between.
#pragma once

#include "base/arena.h"
#include "base/result.h"
#include "model/change.h"
#include "reconcile/change_sink.h"

namespace braid {

// Hands the Changes of one table on, one behind what comes: only then is it known which is the last. An only one is the
// last, too.
class SnapshotMarks : public ChangeSink {
 public:
  // `sink` must outlive it.
  explicit SnapshotMarks(ChangeSink* sink) : sink_(sink) {}

  Status Emit(const Change& change) override;
  // Hands on the last one, if there was any; the next is another table's first.
  Status EndTable();

 private:
  // Keeps a Change with all that it points to but its schema.
  void Keep(const Change& change);

  ChangeSink* const sink_;
  Arena arena_;
  Change kept_;
  Image after_;
  bool any_ = false;
  bool first_ = true;
};

}  // namespace braid
