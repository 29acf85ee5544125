#include "transport/kafka/assignment.h"

#include <fmt/format.h>

#include "base/cursor.h"

namespace braid::kafka {

Result<std::vector<KafkaPartition>> DecodeAssignment(ByteView bytes) {
  std::vector<KafkaPartition> partitions;
  if (bytes.empty()) return partitions;
  Cursor in(bytes);
  if (in.I16() < 0) in.Fail("a version below 0");
  const int32_t topics = in.I32();
  for (int32_t i = 0; i < topics && in.ok(); ++i) {
    const int16_t length = in.I16();
    if (length < 0) in.Fail("a topic without a name");
    const ByteView topic = in.Bytes(in.ok() ? static_cast<uint64_t>(length) : 0);
    const int32_t count = in.I32();
    for (int32_t j = 0; j < count && in.ok(); ++j) {
      const int32_t partition = in.I32();
      if (in.ok()) partitions.push_back({std::string(topic), partition});
    }
  }
  if (in.ok()) return partitions;
  return Corrupt(
      fmt::format("an assignment of {} bytes, offset {}: {}", bytes.size(), in.failed_offset(), in.reason()));
}

}  // namespace braid::kafka
