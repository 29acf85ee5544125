#include "reconcile/walk_place.h"

#include <limits>

#include "reconcile/state_record.h"

namespace braid::internal {

Result<WalkPlace> PlaceOf(const std::string& key, Arena* arena) {
  WalkPlace place;
  place.partition.token.value = std::numeric_limits<int64_t>::min();
  if (key.empty()) return place;
  ASSIGN_OR_RETURN(const RecordKey record, ReadRecordKey(arena->Copy(key), arena));
  place.partition = record.partition;
  if (record.kind == RecordKind::kRow) place.from = std::string(record.rest);
  return place;
}

std::string KeyAt(const PartitionRef& partition, const std::optional<std::string>& from) {
  std::string key;
  if (from.has_value()) {
    AppendRowKey(&key, 0, partition, {false, *from});
  } else {
    AppendHeaderKey(&key, 0, partition);
  }
  return key;
}

std::string KeyAfter(const PartitionRef& partition) {
  return KeyAt({partition.table, partition.token, std::string(partition.key) + '\0'}, std::nullopt);
}

std::string KeyOf(const PartitionRef& partition, const RowRef& row) {
  std::string key;
  AppendRowKey(&key, 0, partition, row);
  return key;
}

}  // namespace braid::internal
