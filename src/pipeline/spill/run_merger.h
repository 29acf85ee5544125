// Within spill: many sorted runs read as one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "pipeline/spill/run_file.h"

namespace braid::spill {

// A heap of runs with the least record on top. Holds one block of each run.
class RunMerger {
 public:
  // `file` must outlive the merger.
  RunMerger(const RunFile* file, std::span<const Run> runs);

  // To the next record in order, the first one at first; false at the end. Errors: as RunReader::Next.
  Result<bool> Next();
  // The current record; its bytes live until Next().
  const Record& record() const { return heap_.front()->record(); }

 private:
  static bool Less(const RunReader& a, const RunReader& b) {
    return a.prefix() != b.prefix() ? a.prefix() < b.prefix() : a.record() < b.record();
  }
  Status Begin();
  void SiftDown(size_t at);

  std::vector<char> packed_;
  std::vector<std::unique_ptr<RunReader>> heap_;
  bool begun_ = false;
};

}  // namespace braid::spill
