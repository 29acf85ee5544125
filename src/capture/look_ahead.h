// Up to when a node's log has been given: the capture watermark. Internal to the room. Not thread-safe.
//
// A TTL that runs out is told of when the watermark passes it, and must never outrun a refresh that is in a log and not
// given yet. What a node has logged is not always given at once, so the watermark is not simply the clock:
//
// - A plain segment that is mapped into the node's memory shows every write at once, also before it is synced. So this
//   reads ahead of the sync and notes, now and then, where the last write of ours stands at that moment. When the log
//   is given up to there, everything that was logged before that moment has been given. (The time of the _cdc.idx would
//   not do: it is written after the sync, and what was logged while the sync went on is not in it.)
// - Compressed segments, and those written with direct I/O, show nothing until they are synced. There it is the time of
//   the last sync, as the older of the log's and the index's times, less a margin for how long the sync took to write;
//   or, if that is later, as long ago as several sync periods are, since Cassandra holds up writers when syncs lag.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "capture/segment_file.h"
#include "cassandra/commitlog/segment_reader.h"
#include "model/position.h"

namespace braid {

// Finds out whether a node maps its plain segments. With direct I/O entries can be seen before their marker too, while
// a sync is half done: pages are read one by one. But only where a segment is mapped do entries come one after another
// behind the same marker, with nothing but zeroes behind the last in between. That is believed after several times.
class MappingEvidence {
 public:
  // What a reader that gives entries before their markers has found at the end of `segment`: the last marker is at
  // `covered_end`, whole entries stand up to `position`, and whether it is `quiet` behind them.
  void SawEnd(SegmentId segment, uint64_t covered_end, uint64_t position, bool quiet);
  bool mapped() const { return seen_ >= 3; }

 private:
  SegmentId segment_;
  uint64_t covered_end_ = 0;
  uint64_t position_ = 0;  // where it was quiet behind entries without a marker; 0: not seen yet
  bool counted_ = false;
  int seen_ = 0;
};

class LookAhead {
 public:
  // `may_matter` says of an entry's payload whether it may be of a captured table.
  LookAhead(std::function<bool(ByteView)> may_matter, MappingEvidence* evidence)
      : may_matter_(std::move(may_matter)), evidence_(evidence) {}

  // Reads what is new in `segment`, which is being written. `given`: the log was given up to this logical
  // offset. `clear`: no newer segment had entries a moment ago. Everything that is read here was logged after `now_us`
  // or is counted; so it is to be called with a clock that was read before.
  void Look(SegmentFile* segment, uint64_t given, bool clear, int64_t now_us);
  // The log was given up to there. Gives the time up to which everything was given, if that is known.
  std::optional<int64_t> GivenUpTo(SegmentId segment, uint64_t given);
  // The logical offset in `segment` up to which sync markers cover it and nothing is of a captured table. As far as
  // there it can be read without an index, which a segment only gets with the first write to such a table: a TRUNCATE
  // may stand there.
  uint64_t HarmlessEnd(SegmentId segment) const;

 private:
  struct Moment {
    uint64_t end = 0;  // everything that was logged before `time_us` ends at or before it
    int64_t time_us = 0;
  };

  bool ReadNew();

  std::function<bool(ByteView)> may_matter_;
  MappingEvidence* evidence_;
  SegmentId segment_;
  std::unique_ptr<SegmentReader> reader_;
  uint64_t last_end_ = 0;  // of the last entry that may matter
  bool harmless_ = true;   // none that may matter was seen
  uint64_t harmless_end_ = 0;
  std::deque<Moment> moments_;
};

}  // namespace braid
