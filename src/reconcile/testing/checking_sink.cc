#include "reconcile/testing/checking_sink.h"

#include "reconcile/testing/toy_change.h"
#include "reconcile/testing/toy_table.h"

namespace braid::testing {

Status CheckingSink::Emit(const Change& change) {
  lines_.push_back(ChangeText(change));
  const auto wrong = [&](const std::string& what) { return InvalidArgument(what + ": " + lines_.back()); };
  // Of a range in which not every row is known: no row's transition.
  if (change.row == RowKind::kRange) return {};
  const std::string row = KeyText(*change.schema, change.partition_key, change.clustering) +
                          (change.row == RowKind::kStatic ? "/static" : "");
  const auto known = rows_.find(row);
  const std::string last = known == rows_.end() ? "null" : known->second;
  const bool first_sight = !change.complete && change.revision == 1 && change.before != nullptr;
  if (first_sight && !change.before->columns.empty()) return wrong("the past of the row should not be known");
  if (const std::string before = ImageText(*change.schema, change.before); before != last && !first_sight) {
    return wrong("before is not the last after, " + last);
  }
  if (change.revision != ++revisions_[row]) return wrong("a revision is missing");
  const bool is_read = change.op == Op::kRead;
  if (is_read && (change.revision != 1 || change.cause != Cause::kBackfill)) return wrong("it was told of before");
  if (is_read != (change.snapshot == SnapshotMark::kTrue)) return wrong("it should say that it is of a snapshot");
  const Op created = is_read ? Op::kRead : Op::kCreate;
  const Op fitting = change.before == nullptr ? created : change.after == nullptr ? Op::kDelete : Op::kUpdate;
  if (change.op != fitting || (change.before == nullptr && change.after == nullptr)) return wrong("op does not fit");
  if (change.after == nullptr) {
    rows_.erase(row);
  } else {
    rows_[row] = ImageText(*change.schema, change.after);
  }
  if (change.cause == Cause::kBackfill || change.cause == Cause::kRepair) {
    if (change.late || !change.origin.none()) return wrong("nobody wrote it");
  } else if (change.cause != Cause::kTtl) {
    const std::string write = row + " @" + std::to_string(change.ts.us);
    ++writes_[write];
    if (!change.late) ++on_time_[write];
  }
  if (change.late) ++late_;
  return {};
}

}  // namespace braid::testing
