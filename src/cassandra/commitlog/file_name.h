// The names of commit-log files, and what the small ones hold.
//
// Learned from org.apache.cassandra.db.commitlog.CommitLogDescriptor and CommitLogSegment.writeCDCIndexFile.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/position.h"

namespace braid {

struct SegmentFileName {
  int32_t version = 0;
  SegmentId id;
  bool cdc_index = false;  // the segment's "_cdc.idx" beside it

  bool operator==(const SegmentFileName&) const = default;
};

// Takes apart "CommitLog-<version>-<id>.log" or "CommitLog-<version>-<id>_cdc.idx"; `name` may have directories before
// it. nullopt for any other name.
std::optional<SegmentFileName> ParseSegmentFileName(std::string_view name);

// What a _cdc.idx file says of its segment.
struct CdcIndex {
  // Logical offset up to which the segment is synced. Means nothing once `completed`: a restart after a crash puts the
  // physical length there.
  uint64_t offset = 0;
  bool completed = false;

  bool operator==(const CdcIndex&) const = default;
};

// nullopt if the content says nothing yet: the file is rewritten in place, so it can be seen empty or cut short. A
// number that is cut short is a smaller number, and so still true.
std::optional<CdcIndex> ParseCdcIndex(std::string_view content);

}  // namespace braid
