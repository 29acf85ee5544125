#include "reconcile/testing/checking_sink.h"

#include "reconcile/testing/toy_change.h"
#include "reconcile/testing/toy_table.h"

namespace braid::testing {

Status CheckingSink::Emit(const Change& change) {
  lines_.push_back(ChangeText(change));
  const auto wrong = [&](const std::string& what) { return InvalidArgument(what + ": " + lines_.back()); };
  const std::string row = KeyText(*change.schema, change.partition_key, change.clustering) +
                          (change.row == RowKind::kStatic ? "/static" : "");
  const auto known = rows_.find(row);
  const std::string last = known == rows_.end() ? "null" : known->second;
  if (const std::string before = ImageText(*change.schema, change.before); before != last) {
    return wrong("before is not the last after, " + last);
  }
  if (change.revision != ++revisions_[row]) return wrong("a revision is missing");
  const Op fitting = change.before == nullptr ? Op::kCreate : change.after == nullptr ? Op::kDelete : Op::kUpdate;
  if (change.op != fitting || (change.before == nullptr && change.after == nullptr)) return wrong("op does not fit");
  if (change.after == nullptr) {
    rows_.erase(row);
  } else {
    rows_[row] = ImageText(*change.schema, change.after);
  }
  if (change.cause != Cause::kTtl) {
    const std::string write = row + " @" + std::to_string(change.ts.us);
    ++writes_[write];
    if (!change.late) ++on_time_[write];
  }
  if (change.late) ++late_;
  return {};
}

}  // namespace braid::testing
