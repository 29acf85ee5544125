#include "pipeline/verify/row_chain.h"

#include <fmt/format.h>

#include "codec/change.h"
#include "pipeline/verify/images.h"

namespace braid {
namespace {

// Of a row that was not, or of which nothing was known, before its first event.
bool IsNothing(const Image* image) {
  return image == nullptr || image->columns.empty();
}

bool OpFits(const Change& change) {
  const bool before = change.before != nullptr;
  const bool after = change.after != nullptr;
  switch (change.op) {
    case Op::kCreate:
    case Op::kRead:
      return !before && after;
    case Op::kUpdate:
      return before && after;
    case Op::kDelete:
      return before && !after;
    case Op::kTruncate:
      return false;
  }
  return false;
}

}  // namespace

void RowChain::Begin(bool known) {
  known_ = known;
  last_.reset();
  last_number_ = 0;
}

Status RowChain::Take(uint64_t n, ByteView encoded) {
  at_ = 1 - at_;
  bytes_[at_] = encoded;
  arenas_[at_].Reset();
  ASSIGN_OR_RETURN(const Change change, DecodeChange(bytes_[at_], {}, *schemas_, &arenas_[at_]));
  if (!OpFits(change)) findings_->Add(Fault::kBroken, change, n, "the op does not fit its images");
  if (last_.has_value()) {
    CheckNext(*last_, change, n);
  } else {
    CheckFirst(change, n);
  }
  last_ = change;
  last_number_ = n;
  return {};
}

void RowChain::CheckFirst(const Change& change, uint64_t n) {
  if (known_ && change.revision != 1) {
    findings_->Add(Fault::kBroken, change, n,
                   fmt::format("begins with revision {}: what came before is not there", change.revision));
  } else if (change.revision == 1 && !IsNothing(change.before)) {
    findings_->Add(Fault::kBroken, change, n, "the row's first revision has a `before`");
  }
}

void RowChain::CheckNext(const Change& before, const Change& change, uint64_t n) {
  // A row that was dead for long has been forgotten, with its revision. (The deletion of a row of which nothing was
  // known looks like that, too, if it comes twice.)
  const bool begins_anew = before.after == nullptr && change.revision == 1 && IsNothing(change.before);
  const bool is_twice = change.op == Op::kDelete && change.ts == before.ts;
  if (begins_anew && !is_twice) return;
  if (change.revision != before.revision + 1) {
    findings_->Add(Fault::kBroken, change, n,
                   fmt::format("revision {} follows revision {}", change.revision, before.revision));
    return;
  }
  if ((change.before == nullptr) != (before.after == nullptr)) {
    findings_->Add(
        Fault::kBroken, change, n,
        change.before == nullptr ? "has no `before`, but the row lived" : "has a `before`, but the row was dead");
    return;
  }
  if (change.before == nullptr) return;
  const std::vector<ColumnId> columns =
      DifferentColumns({before.schema, before.after}, {change.schema, change.before}, change.row, nullptr);
  if (!columns.empty()) findings_->Add(Fault::kBroken, change, n, "`before` is not the last `after`", columns);
}

}  // namespace braid
