// Within pipeline/read: records of many partitions put into one order: of each partition as it is, between partitions
// by the records' times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace braid {

// Pure: holds what it is given until it is its turn.
class RecordMerge {
 public:
  struct Record {
    int64_t offset = 0;
    int64_t time_ms = 0;
    std::string value;
  };
  static constexpr int64_t kNoEnd = std::numeric_limits<int64_t>::max();

  // Another partition, which is read from `start`; nothing at or behind `end` is wanted of it. Its number.
  size_t AddSource(int64_t start, int64_t end);

  // The partition has a record, which may be one that it told of already.
  void Take(size_t source, Record record);
  // The partition was read up to `offset`, and has no more for now.
  void TakeEnd(size_t source, int64_t offset);

  // The record whose turn it is, and its source. None as long as a partition that may have an earlier one was not read
  // far enough, and where there is none.
  std::optional<std::pair<size_t, Record>> Next();

  // Everything up to the partition's end came; it need not be read any more.
  bool is_done(size_t source) const { return sources_[source].reached >= sources_[source].end; }
  // Every partition is done, and Next gave all of it.
  bool is_done() const;

  // The offset of the partition's next record, when all that Next gave is behind.
  int64_t position(size_t source) const;
  // Of what is held of the partition.
  size_t held_bytes(size_t source) const { return sources_[source].held_bytes; }
  size_t size() const { return sources_.size(); }

 private:
  struct Source {
    int64_t end = kNoEnd;
    int64_t reached = 0;  // it was read up to here
    bool at_end = false;  // there was no more behind that
    std::deque<Record> held;
    size_t held_bytes = 0;
  };

  std::vector<Source> sources_;
};

}  // namespace braid
