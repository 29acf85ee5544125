#include "pipeline/verify/partition_order.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "reconcile/state_record.h"

namespace braid {
namespace {

Status Tell(ByteView header_key, uint64_t n, int64_t ts_us, int64_t before_us, const Definitions& definitions,
            Findings* findings) {
  Arena arena;
  ASSIGN_OR_RETURN(const RecordKey key, ReadRecordKey(header_key, &arena));
  Change partition;
  partition.schema = definitions.Newest(key.partition.table);
  if (partition.schema == nullptr) return Corrupt("the schema log lacks table " + key.partition.table.ToString());
  partition.row = RowKind::kRange;  // of which only the partition key is told
  partition.partition_key = key.partition.key;
  findings->Add(Fault::kBroken, partition, n,
                fmt::format("written at {} µs and not marked late, but its partition was told of {} µs before", ts_us,
                            before_us));
  return {};
}

}  // namespace

Status CheckOrder(TimelineEvents* events, const Definitions& definitions, int64_t purge_slack_us, Findings* findings) {
  std::string partition;
  std::optional<int64_t> greatest_us;
  size_t truncations = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, events->by_partition->Next());
    if (!more) return {};
    const ByteView key = StateKeyOf(events->by_partition->key());
    const uint64_t n = NumberOf(events->by_partition->key());
    const OrderNote note = ReadOrderNote(events->by_partition->value());
    const size_t truncated = events->truncations.empty() ? 0 : events->TruncationsBefore(TableOfKey(key), n);
    if (key != partition || truncated != truncations) greatest_us.reset();
    partition = key;
    truncations = truncated;
    // Differences of times that a client made up may not fit in 64 bits.
    const bool older = greatest_us.has_value() && note.ts_us < *greatest_us;
    if (older && note.ordered && !note.late &&
        static_cast<double>(note.emitted_us) - static_cast<double>(*greatest_us) <
            static_cast<double>(purge_slack_us)) {
      TRY(Tell(key, n, note.ts_us, *greatest_us, definitions, findings));
    }
    greatest_us = std::max(greatest_us.value_or(note.ts_us), note.ts_us);
  }
}

}  // namespace braid
