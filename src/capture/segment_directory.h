// The segments of one node, from listings of its cdc_raw and commitlog directories.
// Internal to the room. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "capture/node_capture.h"
#include "capture/segment_file.h"

namespace braid {

class SegmentDirectory {
 public:
  using Log = std::function<void(bool alarm, const std::string& message)>;

  // All must outlive it. Segments up to and including `known_through` were read to their end before.
  SegmentDirectory(FileSystem* files, const NodeFiles* node, const Log* log, SegmentId known_through);

  // Lists the directories if cdc_raw has changed since, or if it was not listed for a while.
  void Look(int64_t now_us);
  // Lists them now.
  void List(int64_t now_us);
  // The error of the last listing of cdc_raw.
  const Status& status() const { return status_; }
  // Rises with each listing.
  uint64_t listings() const { return listings_; }

  // By id. Those that have no file left and are finished are not in it.
  std::map<SegmentId, std::unique_ptr<SegmentFile>>& segments() { return segments_; }
  // The first that is not finished; nullptr if there is none.
  SegmentFile* Head();
  // Adds a segment that is known to have been there.
  SegmentFile* Add(SegmentId id);
  // The segment is finished, and so is every older one that may still turn up.
  void Finish(SegmentFile* segment);

  // Whether Cassandra will write no more to it: it says so, or a newer segment has been synced.
  bool Dead(SegmentFile* segment);
  // Whether a newer segment has entries.
  bool AnyBehind(const SegmentFile& segment);

  // Removes the finished segments up to `durable` from cdc_raw; gives how many. Errors: kIoError, after all were tried.
  Result<uint64_t> Remove(Position durable);
  // Removes the files of one.
  Status RemoveFiles(SegmentFile* segment);

  // What cdc_raw takes as Cassandra counts it: each segment at its full size, also where it is compressed.
  uint64_t used_bytes() const { return used_bytes_; }
  // Bytes that are known to be synced behind `given`, about.
  uint64_t UnreadBytes(const Position& given) const;
  // When the segment's log was found to be missing first. nullopt: it is there, or was looked for only once.
  std::optional<int64_t> MissingSince(const SegmentFile& segment) const;
  // Whether the last listing found any segment's log.
  bool any_log() const { return any_log_; }

 private:
  struct Names {
    int32_t version = 0;
    bool log = false;
    bool index = false;
  };

  void Take(std::map<SegmentId, Names> names, int64_t now_us);
  void LookForOriginals();
  void Measure();

  FileSystem* files_;
  const NodeFiles* node_;
  const Log* log_;
  SegmentId known_through_;
  std::map<SegmentId, std::unique_ptr<SegmentFile>> segments_;
  std::map<SegmentId, int64_t> missing_since_;
  std::set<std::string> foreign_;
  Status status_;
  uint64_t listings_ = 0;
  int64_t listed_at_us_ = INT64_MIN;
  int64_t listed_modified_us_ = INT64_MIN;
  uint64_t used_bytes_ = 0;
  uint64_t segment_bytes_ = 0;  // the largest that a segment was ever seen to be
  bool any_log_ = false;
};

}  // namespace braid
