// The records of one batch, in order, out of blocks that are unpacked one by one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "timeline/format.h"
#include "timeline/segment.h"

namespace braid::timeline {

struct RawRecord {
  uint64_t n = 0;
  BlockKind kind = BlockKind::kChanges;
  ByteView bytes;
  uint64_t block_offset = 0;  // in the segment, for messages
};

class BatchRecords {
 public:
  // Begins with the records of `batch`'s blocks that `wanted` picks (by their place in Batch::blocks).
  void Start(const Batch& batch, const std::vector<size_t>& wanted);

  // The number of the record that Next gives; Batch::end() if there is none.
  uint64_t next() const { return heap_.empty() ? end_ : heap_.front().n; }

  // The next record; its bytes live until the next call. There must be one. Errors: kCorrupt, kIoError.
  Result<RawRecord> Next(Segment* segment);

 private:
  // A block as far as it was read. `raw` is empty until its first record is due.
  struct Part {
    Block block;
    std::string raw;
    size_t at = 0;      // behind the number of the next record
    uint32_t left = 0;  // records not given yet
  };
  struct Due {
    uint64_t n;
    size_t part;
    bool operator<(const Due& other) const { return n > other.n; }  // the least number is the heap's top
  };

  // Reads the number of the part's next record: how many it skips after `n`.
  static Status ReadNumber(Part* part, uint64_t* n);

  std::vector<Part> parts_;
  std::vector<Due> heap_;
  uint64_t end_ = 0;
  uint64_t first_ = 0;
  Part* finished_ = nullptr;  // what the last record given points into, if its block is done
};

}  // namespace braid::timeline
