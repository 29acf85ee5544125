// One commit-log segment as a node's capture meets it: which of its files are there, and what its _cdc.idx says.
// Internal to the room. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/byte_source.h"
#include "base/file_system.h"
#include "base/result.h"
#include "capture/node_capture.h"
#include "cassandra/commitlog/file_name.h"
#include "cassandra/commitlog/segment_reader.h"
#include "model/position.h"

namespace braid {

class SegmentFile {
 public:
  // `files` and `node` must outlive it.
  SegmentFile(FileSystem* files, const NodeFiles* node, SegmentId id) : files_(files), node_(node), id_(id) {}

  SegmentId id() const { return id_; }

  // What a listing of cdc_raw found. `version` is in the files' names.
  void SetListed(int32_t version, bool log, bool index);
  // What a listing of the commitlog directory found: the version in the original's name, or that it is not there.
  // nullopt: it cannot be asked.
  void SetOriginal(std::optional<std::optional<int32_t>> version);
  int32_t version() const { return version_; }
  bool log() const { return log_; }
  bool index() const { return index_; }
  // Whether an index was ever seen, or the segment is known by other means to hold what we capture.
  bool had_index() const { return had_index_; }
  void SetHadIndex() { had_index_ = true; }
  // Whether it was given to its end, or given up: nothing of it is read any more.
  bool finished() const { return finished_; }
  void SetFinished();

  std::string LogPath() const;    // in cdc_raw
  std::string IndexPath() const;  // in cdc_raw

  // Opens the log, unless it is open: in cdc_raw, else the original in the commitlog directory. What is open stays
  // readable when its name goes. Errors: kNotFound (it is in neither), kIoError.
  Status Open();
  const ByteSource* source() const { return source_.get(); }

  // Reads the index again: true if it says something new. An index that cannot be read now says nothing new.
  bool LookAtIndex();
  const std::optional<CdcIndex>& synced() const { return synced_; }
  // The log's and the index's time of change, the older of both, when its offset was new. None before there is one.
  int64_t synced_at_us() const { return synced_at_us_; }

  // Looks whether the segment has entries yet: `any` of them, or some that a sync `marker` covers. Cheap while it has
  // none; what was found stays.
  struct Content {
    bool any = false;
    bool marked = false;
  };
  Content LookInside();

  // Whether Cassandra will write no more to it, as far as its own files tell: it is completed, its original is gone, or
  // its link was taken away, which is done to no segment that is being written.
  bool Closed() const;

 private:
  FileSystem* files_;
  const NodeFiles* node_;
  SegmentId id_;
  int32_t version_ = 0;
  bool log_ = false;
  bool index_ = false;
  bool had_index_ = false;
  bool finished_ = false;
  std::optional<bool> original_;
  std::unique_ptr<ByteSource> source_;
  std::unique_ptr<ByteSource> index_source_;
  std::string index_text_;
  std::optional<CdcIndex> synced_;
  int64_t synced_at_us_ = INT64_MIN;
  std::unique_ptr<SegmentReader> inside_;
  uint64_t first_entry_end_ = 0;
  Content content_;
};

}  // namespace braid
