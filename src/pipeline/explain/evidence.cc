#include "pipeline/explain/evidence.h"

#include <algorithm>
#include <span>
#include <string>
#include <tuple>

#include "codec/mutation.h"
#include "reconcile/lww/write.h"

namespace braid {
namespace {

constexpr size_t kMostBytes = 256 << 20;

// What a write says, without where it was read.
std::string ContentOf(Mutation write) {
  write.position = {};
  std::string content;
  AppendMutation(&content, write);
  return content;
}

bool Earlier(const Mutation& a, const Mutation& b) {
  return std::tuple(OrderOf(a), WriteTimeOf(a), a.position) < std::tuple(OrderOf(b), WriteTimeOf(b), b.position);
}

}  // namespace

Status EvidenceCollector::Visit(uint32_t /*table*/, const Mutation& mutation) {
  if (!seen_any_ || mutation.partition_key != last_key_) {
    seen_any_ = true;
    last_key_.assign(mutation.partition_key);
    last_key_matched_ = pattern_.MatchesPartition(mutation.partition_key);
  }
  if (!last_key_matched_) return {};
  cutting_.Reset();
  cut_.clear();
  CutIntoWrites(mutation, &cutting_, &cut_);
  for (const Mutation& write : cut_) {
    if (Concerns(write)) TRY(Keep(write));
  }
  return {};
}

bool EvidenceCollector::Concerns(const Mutation& write) const {
  switch (TargetOf(write)) {
    case Target::kPartition:
    case Target::kRange:
      return true;
    case Target::kStatic:
      return pattern_.whole_partition();
    case Target::kRow:
      return pattern_.MatchesRow(RowOf(write).clustering);
  }
  return false;
}

Status EvidenceCollector::Keep(const Mutation& write) {
  const std::string content = ContentOf(write);
  ASSIGN_OR_RETURN(Mutation kept, DecodeMutation(kept_.Copy(content), definitions_, &kept_));
  kept.position = write.position;
  writes_.push_back(kept);
  if (kept_.held_bytes() > kMostBytes) {
    return InvalidArgument("too much was written there to explain at once; give more of the row's key");
  }
  return {};
}

Result<std::vector<Evidence>> EvidenceCollector::Join() {
  std::sort(writes_.begin(), writes_.end(), Earlier);
  std::vector<Evidence> joined;
  for (auto first = writes_.begin(); first != writes_.end();) {
    const auto end = std::find_if_not(first, writes_.end(), [&](const Mutation& w) { return SameWrite(*first, w); });
    Evidence evidence;
    ASSIGN_OR_RETURN(evidence.write, JoinCopies(std::span<const Mutation>(first, end), now_, &kept_));
    const std::string whole = ContentOf(evidence.write);
    for (auto copy = first; copy != end; ++copy) {
      evidence.copies.push_back({copy->position, ContentOf(*copy) == whole});
    }
    joined.push_back(std::move(evidence));
    first = end;
  }
  return joined;
}

}  // namespace braid
