// Changes as a person reads them, one a line:
//
//   c 7/1 @100 r1 write [title, year] null -> {title: Fargo, year: 1996}
//
// op, key, time, revision, cause, the columns written, before -> after. "static" and "range" stand where the row is no
// regular one, and * for all of a truncated table. Then, if so: `late`, `incomplete`, `unknown [a, b]`.
#pragma once

#include <string>
#include <vector>

#include "reconcile/change_sink.h"

namespace braid::testing {

std::string ChangeText(const Change& change);
// "{title: Fargo, year: 1996}", or "null" for a row that does not exist.
std::string ImageText(const TableSchema& schema, const Image* image);

// Keeps the text of each change.
class TextSink : public ChangeSink {
 public:
  Status Emit(const Change& change) override {
    lines.push_back(ChangeText(change));
    return {};
  }
  std::vector<std::string> lines;
};

}  // namespace braid::testing
