#include "reconcile/hold/news.h"

#include "reconcile/lww/apply.h"
#include "reconcile/lww/merge.h"
#include "reconcile/lww/write.h"

namespace braid {

Result<bool> IsNews(State* state, const Mutation& write, Arena* arena) {
  const PartitionRef partition{write.schema->table_id, write.token, write.partition_key};
  ASSIGN_OR_RETURN(const PartitionHeader* known, state->ReadHeader(partition, arena));
  const Plan plan = PlanOf(write);
  if (plan.target == Target::kPartition || plan.target == Target::kRange) {
    const PartitionHeader fresh = FreshHeader(/*history_known=*/true);
    return DeletionWalk(known != nullptr ? *known : fresh, write).verdict() == Verdict::kSilent;
  }
  Deletion outer;
  if (known != nullptr) outer = plan.row.is_static ? known->deletion : OuterDeletion(*known, plan.row.key);
  ASSIGN_OR_RETURN(const RowState* row, state->ReadRow(partition, plan.row, arena));
  const RowContent content = row != nullptr ? ContentOf(*row) : RowContent{};
  return OverlapOf(*write.schema, outer, content, ContentOf(RowOf(write))) == Overlap::kNews;
}

}  // namespace braid
