// The live log of one node: what node_capture.h promises, but for the clean-up of cdc_raw. Internal to the room.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "capture/entry_giver.h"
#include "capture/let_go.h"
#include "capture/look_ahead.h"
#include "capture/node_capture.h"
#include "capture/segment_directory.h"
#include "cassandra/commitlog/segment_reader.h"

namespace braid {

// Follows the segments of a SegmentDirectory in their order. Not thread-safe.
class NodeReader {
 public:
  // All must outlive it. `stats` is kept up to date.
  NodeReader(SchemaRegistry* schemas, const NodeCapture::Options* options, std::vector<ExcludedColumn> excluded,
             SegmentDirectory* directory, LetGoRecord* let_go, NodeCapture::Stats* stats);

  enum class Outcome : uint8_t {
    kMore,  // the budget is used up
    kIdle,  // everything that counts as written was given
    kHeld,  // something is waited for: a definition, a second look at damage, a directory
  };

  // Gives what is new, at most about `max_bytes` of log. Errors: those of NodeCapture::Step.
  Result<Outcome> Read(int64_t now_us, uint64_t max_bytes, CaptureSink* sink);
  // After kIdle: moves the watermark.
  void AdvanceWatermark(int64_t now_us);
  // Gives up the first unfinished segment if Cassandra writes no more to it, with a Gap: true if there was one. Errors:
  // the sink's; kIoError (its files cannot be removed).
  Result<bool> LetGo(int64_t now_us, CaptureSink* sink);
  // Tells of what was let go before the process began and did not become durable. Errors: the sink's.
  Status TellLetGo(int64_t now_us, CaptureSink* sink);

 private:
  // What became of one try.
  enum class Turn : uint8_t {
    kNext,  // look again: at the next segment, or at this one anew
    kRead,  // the reader is ready
    kMore,
    kIdle,
    kHeld,
  };
  struct Damage {
    Position from;
    Position to;
    std::string what;  // with the file
  };

  Result<Turn> ReadHead(SegmentFile* head, CaptureSink* sink);
  Result<Turn> OpenHead(SegmentFile* head, CaptureSink* sink);
  Result<Turn> LookAgain(SegmentFile* head);
  Result<Turn> GiveEntries(SegmentFile* head, CaptureSink* sink);
  // Goes to the next entry: kRead.
  Result<Turn> NextEntry(SegmentFile* head, CaptureSink* sink);
  Result<Turn> AtEnd(SegmentFile* head, bool torn, CaptureSink* sink);
  Result<Turn> HandleMissing(SegmentFile* head, CaptureSink* sink);
  // Looks a second time, stops or skips, as the options say. After kNext the damage is behind.
  Result<Turn> HandleDamage(const Damage& damage, CaptureSink* sink);
  Gap MakeGap(GapReason reason, const Position& from, const Position& to, const std::string& detail) const;
  Status TellGap(const Gap& gap, CaptureSink* sink);

  // Whether `head` is the oldest still when the directory is listed now, after something was seen in it.
  bool Confirm(const SegmentFile& head);
  uint64_t LimitOf(const SegmentFile& head) const;
  Position At(const SegmentFile& segment, uint64_t offset) const { return {options_->node, segment.id(), offset}; }
  // The last place before what is not given of `head`, the first that is not finished.
  Position UnreadFrom(const SegmentFile& head) const;
  // Everything up to there was given.
  void MoveTo(const Position& position);
  void Finish(SegmentFile* head);
  void CloseReader();
  void Unreachable(const std::string& why);
  void Log(bool alarm, const std::string& message) const;

  const NodeCapture::Options* options_;
  SegmentDirectory* directory_;
  LetGoRecord* let_go_;
  NodeCapture::Stats* stats_;
  EntryGiver giver_;
  MappingEvidence evidence_;
  LookAhead ahead_;

  int64_t now_us_ = 0;
  uint64_t budget_ = 0;

  // The segment that is being read.
  SegmentBuffers buffers_;
  std::optional<SegmentReader> reader_;
  SegmentId reading_;
  uint64_t start_ = 0;      // where in it the reader began to give
  bool dead_ = false;       // it was known to be dead before the reader looked last
  uint64_t limit_ = 0;      // of the reader
  bool at_end_ = false;     // the reader has said so
  bool pending_ = false;    // the reader's entry was not taken yet
  uint64_t before_ = 0;     // where the pending entry begins
  bool confirmed_ = false;  // see Confirm()
  bool counts_ = false;     // something of it went to the sink
  bool damaged_ = false;    // so its own offsets may be off

  struct Suspect {
    Position at;
    int64_t since_us = 0;
  };
  std::optional<Suspect> suspect_;
  struct Stop {
    Position at;
    Error error;
    int64_t since_us = 0;
  };
  std::optional<Stop> stop_;
  int64_t look_ahead_at_us_ = INT64_MIN;
};

}  // namespace braid
