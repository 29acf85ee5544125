// A sink that believes nothing: it checks of each Change what the stream promises, and folds them into rows.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "reconcile/change_sink.h"

namespace braid::testing {

class CheckingSink : public ChangeSink {
 public:
  // Errors (kInvalidArgument, with the change's text) if `before` is not the row's last `after`, if a revision is
  // missing, or if the op does not fit the images.
  Status Emit(const Change& change) override;

  // The texts of the changes, in order.
  const std::vector<std::string>& lines() const { return lines_; }
  // The rows that exist: "7/1" or "7/static" to the text of the image.
  const std::map<std::string, std::string>& rows() const { return rows_; }
  // How often each write has been told: "7/1 @100" to a number; expiries and what snapshots say are not counted.
  const std::map<std::string, int>& writes() const { return writes_; }
  // The same of changes that do not say `late`.
  const std::map<std::string, int>& on_time() const { return on_time_; }
  uint64_t late() const { return late_; }

 private:
  std::vector<std::string> lines_;
  std::map<std::string, std::string> rows_;
  std::map<std::string, uint64_t> revisions_;
  std::map<std::string, int> writes_;
  std::map<std::string, int> on_time_;
  uint64_t late_ = 0;
};

}  // namespace braid::testing
