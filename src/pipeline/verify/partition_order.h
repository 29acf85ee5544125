// Whether the events of each partition come in the order that they claim.
#pragma once

#include "base/result.h"
#include "pipeline/verify/findings.h"
#include "pipeline/verify/timeline_events.h"

namespace braid {

// An event that is not marked late may not be older than one that came before it, unless so much time passed in between
// that the partition may have been forgotten (VerifyOptions::purge_slack_us). Takes `events->by_partition`.
Status CheckOrder(TimelineEvents* events, const Definitions& definitions, int64_t purge_slack_us, Findings* findings);

}  // namespace braid
