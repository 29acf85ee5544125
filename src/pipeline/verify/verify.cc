#include "pipeline/verify/verify.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "base/file_system.h"
#include "pipeline/shard/mark.h"
#include "pipeline/run/node_table.h"
#include "pipeline/verify/definitions.h"
#include "pipeline/verify/findings.h"
#include "pipeline/verify/partition_order.h"
#include "pipeline/verify/state_comparison.h"
#include "pipeline/verify/timeline_events.h"
#include "reconcile/rocksdb/state_reader.h"

namespace braid {
namespace {

constexpr const char* kReading = "reading the timeline";
constexpr const char* kComparing = "comparing with the state";

WriteTime WatermarkOf(const ShardMark& mark) {
  WriteTime least{std::numeric_limits<int64_t>::max()};
  for (const ShardMark::Node& node : mark.nodes) {
    if (!node.retired) least = std::min(least, node.watermark);
  }
  return least.us == std::numeric_limits<int64_t>::max() ? WriteTime::None() : least;
}

class Verification {
 public:
  Verification(const VerifyOptions& options, PipelineIdentity identity)
      : options_(options), identity_(std::move(identity)) {
    verdict_.epoch = identity_.epoch;
  }

  Result<TimelineVerdict> Run() {
    for (uint32_t shard = 0; shard < identity_.shards; ++shard) TRY(VerifyShard(shard));
    return std::move(verdict_);
  }

 private:
  Status VerifyShard(uint32_t shard) {
    TRY(Step(shard, kReading, 0));
    ASSIGN_OR_RETURN(const auto state, StateReader::OpenBeside(ShardStatePath(options_.state, shard)));
    ASSIGN_OR_RETURN(const std::string bytes, state->ReadMark(shard));
    ASSIGN_OR_RETURN(const ShardMark mark, DecodeMark(bytes));
    // Only now: so it has every definition that the state was made by.
    ASSIGN_OR_RETURN(Definitions definitions, Definitions::Read(options_.state, options_.tables));
    const ReadEventsOptions reading{.directory = TimelinePath(options_.state, shard),
                                    .end = mark.timeline_end,
                                    .memory_bytes = options_.memory_bytes,
                                    .scratch = options_.scratch.empty() ? options_.state : options_.scratch,
                                    .step = [&](double done) { return Step(shard, kReading, done / 2); }};
    ASSIGN_OR_RETURN(TimelineEvents events, ReadEvents(reading, &definitions));
    verdict_.events += events.count;
    verdict_.shards.push_back({mark.commit, events.first, mark.timeline_end, WatermarkOf(mark)});

    Findings findings(shard, options_.findings, &verdict_);
    TRY(CheckOrder(&events, definitions, options_.purge_slack_us, &findings));
    StateComparison comparison({.definitions = &definitions,
                                .mark = &mark,
                                .events = &events,
                                .findings = &findings,
                                .verdict = &verdict_,
                                .step = [&](double done) { return Step(shard, kComparing, 0.5 + done / 2); }});
    return comparison.Run(state.get());
  }

  Status Step(uint32_t shard, const char* step, double done) {
    if (options_.stop && options_.stop()) return Error{ErrorCode::kTransient, "stopped before all was verified"};
    if (options_.progress) options_.progress(step, (shard + done) / identity_.shards);
    return {};
  }

  const VerifyOptions& options_;
  const PipelineIdentity identity_;
  TimelineVerdict verdict_;
};

}  // namespace

Result<TimelineVerdict> VerifyTimeline(const VerifyOptions& options) {
  ASSIGN_OR_RETURN(PipelineIdentity identity, ReadIdentity(PosixFileSystem(), options.state));
  return Verification(options, std::move(identity)).Run();
}

}  // namespace braid
