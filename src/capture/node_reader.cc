#include "capture/node_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace braid {

namespace {

// Damage in a segment that is being written may be a write that was seen half; it is believed if it is there after
// this.
constexpr int64_t kSecondLookUs = 500'000;
// Between looks at damage that has stopped the capture: a file may be put back.
constexpr int64_t kStoppedUs = 1'000'000;
// A segment that is listed no more is looked for so long: directories can be in the middle of a change.
constexpr int64_t kMissingUs = 1'000'000;
// Between looks ahead of the sync.
constexpr int64_t kLookAheadUs = 10'000;
// From when Cassandra decides what to sync to when the files' times show it.
constexpr int64_t kSyncWriteUs = 1'000'000;

}  // namespace

NodeReader::NodeReader(SchemaRegistry* schemas, const NodeCapture::Options* options,
                       std::vector<ExcludedColumn> excluded, SegmentDirectory* directory, LetGoRecord* let_go,
                       NodeCapture::Stats* stats)
    : options_(options),
      directory_(directory),
      let_go_(let_go),
      stats_(stats),
      giver_(schemas, options, std::move(excluded), stats),
      ahead_([this](ByteView payload) { return giver_.MayMatter(payload); }, &evidence_) {}

Result<NodeReader::Outcome> NodeReader::Read(int64_t now_us, uint64_t max_bytes, CaptureSink* sink) {
  now_us_ = now_us;
  budget_ = max_bytes;
  if (!directory_->status()) {
    Unreachable(directory_->status().error().message);
    return Outcome::kHeld;
  }
  while (true) {
    SegmentFile* const head = directory_->Head();
    if (head == nullptr) {
      stats_->reachable = true;
      return Outcome::kIdle;
    }
    ASSIGN_OR_RETURN(const Turn turn, ReadHead(head, sink));
    if (turn == Turn::kNext) continue;
    if (turn == Turn::kHeld) return Outcome::kHeld;
    stats_->reachable = true;
    return turn == Turn::kMore ? Outcome::kMore : Outcome::kIdle;
  }
}

Result<NodeReader::Turn> NodeReader::ReadHead(SegmentFile* head, CaptureSink* sink) {
  if (stop_ && now_us_ < stop_->since_us + kStoppedUs) return stop_->error;
  if (suspect_ && now_us_ < suspect_->since_us + kSecondLookUs) return Turn::kHeld;
  Turn turn = Turn::kRead;
  if (!reader_ || reading_ != head->id()) {
    ASSIGN_OR_RETURN(turn, OpenHead(head, sink));
  } else if (at_end_) {
    ASSIGN_OR_RETURN(turn, LookAgain(head));
  }
  if (turn != Turn::kRead) return turn;
  return GiveEntries(head, sink);
}

Result<NodeReader::Turn> NodeReader::OpenHead(SegmentFile* head, CaptureSink* sink) {
  CloseReader();
  if (const Status opened = head->Open(); !opened) {
    if (opened.error().code == ErrorCode::kNotFound) return HandleMissing(head, sink);
    Unreachable(opened.error().message);
    return Turn::kHeld;
  }
  // Whether it is dead is asked before it is read: then nothing can come behind the end that is found.
  dead_ = directory_->Dead(head);
  limit_ = LimitOf(*head);
  start_ =
      stats_->position.segment == head->id() && stats_->position.offset != kSegmentEnd ? stats_->position.offset : 0;
  Result<SegmentReader> opened = SegmentReader::Open(
      *head->source(),
      {.limit = limit_, .start = start_, .live = options_->tail == NodeCapture::Tail::kLive, .buffers = &buffers_});
  if (opened) {
    // After a restart the node may be set to write otherwise.
    if (head->id().value != reading_.value && head->id().value != reading_.value + 1) evidence_ = {};
    reader_.emplace(*std::move(opened));
    reading_ = head->id();
    counts_ = start_ != 0;
    return Turn::kRead;
  }
  const Error& error = opened.error();
  if (error.code == ErrorCode::kIncomplete) {
    if (!dead_) return Turn::kIdle;
    if (!head->had_index()) {
      // Made ahead of use, and never used.
      Finish(head);
      return Turn::kNext;
    }
  } else if (error.code != ErrorCode::kCorrupt) {
    if (error.code != ErrorCode::kIoError) return error;
    Unreachable(error.message);
    return Turn::kHeld;
  }
  ASSIGN_OR_RETURN(const Turn turn, HandleDamage({At(*head, start_), At(*head, kSegmentEnd), error.message}, sink));
  if (turn == Turn::kNext) Finish(head);
  return turn;
}

Result<NodeReader::Turn> NodeReader::LookAgain(SegmentFile* head) {
  const bool dead = directory_->Dead(head);
  const uint64_t limit = dead ? UINT64_MAX : LimitOf(*head);
  // What is synced only grows when the index says so.
  if (options_->tail == NodeCapture::Tail::kSynced && dead == dead_ && limit == limit_) return Turn::kIdle;
  dead_ = dead;
  limit_ = limit;
  if (const Status refreshed = reader_->Refresh(limit); !refreshed) {
    Unreachable(refreshed.error().message);
    CloseReader();
    return Turn::kHeld;
  }
  at_end_ = false;
  return Turn::kRead;
}

Position NodeReader::UnreadFrom(const SegmentFile& head) const {
  const Position& given = stats_->position;
  return given.none() || given > At(head, kSegmentEnd) ? At(head, 0) : given;
}

uint64_t NodeReader::LimitOf(const SegmentFile& head) const {
  if (dead_ || options_->tail == NodeCapture::Tail::kLive) return UINT64_MAX;
  // Without an index nothing of ours was synced yet, as far as is known. An index never seen whole says nothing either.
  return head.synced() ? head.synced()->offset : ahead_.HarmlessEnd(head.id());
}

Result<NodeReader::Turn> NodeReader::GiveEntries(SegmentFile* head, CaptureSink* sink) {
  while (true) {
    if (!pending_) {
      ASSIGN_OR_RETURN(const Turn turn, NextEntry(head, sink));
      if (turn == Turn::kNext && reader_ && reading_ == head->id() && !head->finished()) continue;
      if (turn != Turn::kRead) return turn;
    }
    bool sink_failed = false;
    const Position end = At(*head, reader_->end_offset());
    const Result<EntryGiver::Given> given = giver_.Give(reader_->payload(), reader_->header().times(),
                                                        At(*head, before_), end, now_us_, sink, &sink_failed);
    if (!given) {
      if (sink_failed) return given.error();
      ASSIGN_OR_RETURN(const Turn turn,
                       HandleDamage({At(*head, before_), end,
                                     fmt::format("{}: the entry that ends at logical offset {}: {}",
                                                 head->source()->name(), end.offset, given.error().message)},
                                    sink));
      if (turn != Turn::kNext) return turn;
      giver_.Forget();
    } else {
      if (*given == EntryGiver::Given::kWaits) return Turn::kHeld;
      counts_ |= *given == EntryGiver::Given::kSome;
    }
    pending_ = false;
    // Cassandra may take away a segment that holds nothing of ours. So a position in one is not worth keeping: it would
    // be missed, when only its name is gone.
    if (counts_ || head->had_index()) MoveTo(end);
  }
}

Result<NodeReader::Turn> NodeReader::NextEntry(SegmentFile* head, CaptureSink* sink) {
  if (budget_ == 0) return Turn::kMore;
  before_ = std::max(start_, reader_->position());
  const Result<SegmentReader::Answer> answer = reader_->Next();
  if (!answer) {
    Unreachable(answer.error().message);
    CloseReader();
    return Turn::kHeld;
  }
  const uint64_t bytes = reader_->position() - std::min(before_, reader_->position());
  stats_->bytes_read += bytes;
  budget_ -= std::min(budget_, bytes);
  switch (*answer) {
    case SegmentReader::Answer::kEnd:
    case SegmentReader::Answer::kTorn:
      at_end_ = true;
      return AtEnd(head, *answer == SegmentReader::Answer::kTorn, sink);
    case SegmentReader::Answer::kCorrupt: {
      const std::string what = reader_->damage().Describe(head->source()->name());
      if (reader_->damage().lost_bytes == 0) {
        Log(true, what);
        return Turn::kNext;
      }
      const Position to = At(*head, reader_->position());
      return HandleDamage({At(*head, before_), to, what}, sink);
    }
    case SegmentReader::Answer::kEntry:
      break;
  }
  ++stats_->entries;
  if (!confirmed_ && !Confirm(*head)) {
    CloseReader();
    return Turn::kNext;
  }
  pending_ = true;
  return Turn::kRead;
}

bool NodeReader::Confirm(const SegmentFile& head) {
  // A segment can be linked late (cdc_raw was full for a while), but not once a newer one is written to: so a listing
  // made after something was seen in this one shows all that are older.
  directory_->List(now_us_);
  confirmed_ = true;
  return directory_->Head() == &head;
}

Result<NodeReader::Turn> NodeReader::AtEnd(SegmentFile* head, bool torn, CaptureSink* sink) {
  if (!dead_) return Turn::kIdle;
  const std::optional<CdcIndex>& index = head->synced();
  const Result<uint64_t> size = head->source()->Size();
  const uint64_t end = std::max(start_, reader_->position());
  // After a crash Cassandra writes the file's size there, which says nothing.
  if (index && size && index->offset != *size && index->offset > end && !damaged_) {
    const std::string what =
        fmt::format("{}: it was synced up to logical offset {}, as its _cdc.idx says, and ends at {}",
                    head->source()->name(), index->offset, end);
    ASSIGN_OR_RETURN(const Turn turn, HandleDamage({At(*head, end), At(*head, kSegmentEnd), what}, sink));
    if (turn != Turn::kNext) return turn;
  } else if (torn) {
    // Cassandra does not replay it either.
    Log(false, reader_->damage().Describe(head->source()->name()));
  }
  if (!confirmed_ && !Confirm(*head)) {
    CloseReader();
    return Turn::kNext;
  }
  Finish(head);
  return Turn::kNext;
}

Result<NodeReader::Turn> NodeReader::HandleMissing(SegmentFile* head, CaptureSink* sink) {
  if (head->log()) return Turn::kHeld;  // it went just now: the next listing says more
  if (!head->had_index()) {
    Finish(head);
    return Turn::kNext;
  }
  if (!directory_->any_log()) {
    Unreachable(fmt::format("{}: is empty, though segment {} was not read: is it mounted?", options_->files.cdc_raw,
                            head->id().value));
    return Turn::kHeld;
  }
  const std::optional<int64_t> since = directory_->MissingSince(*head);
  if (!since || now_us_ < *since + kMissingUs) return Turn::kHeld;
  const Position from = UnreadFrom(*head);
  TRY(TellGap(
      MakeGap(
          GapReason::kLostSegment, from, At(*head, kSegmentEnd),
          fmt::format("node {}: segment {} vanished from {} before it was read to its end; backfill the tables that "
                      "this node holds, or repair from other replicas",
                      options_->files.name, head->id().value, options_->files.cdc_raw)),
      sink));
  Finish(head);
  return Turn::kNext;
}

Result<NodeReader::Turn> NodeReader::HandleDamage(const Damage& damage, CaptureSink* sink) {
  if (!dead_ && (!suspect_ || suspect_->at != damage.from)) {
    suspect_ = Suspect{damage.from, now_us_};
    CloseReader();
    return Turn::kHeld;
  }
  // A segment that is still being written is not given up as a whole.
  if (!dead_ && damage.to.offset == kSegmentEnd && options_->on_corruption == NodeCapture::OnCorruption::kSkip) {
    CloseReader();
    return Turn::kHeld;
  }
  if (options_->on_corruption == NodeCapture::OnCorruption::kStop) {
    const bool new_to_us = !stop_ || stop_->at != damage.from;
    stop_ =
        Stop{damage.from,
             Corrupt(fmt::format("{}; to go on without it, with a recorded gap, set source.on_corruption to skip; or "
                                 "put the file back whole",
                                 damage.what)),
             now_us_};
    if (new_to_us) ++stats_->corrupt;
    CloseReader();
    return stop_->error;
  }
  const Status told = TellGap(MakeGap(GapReason::kCorrupt, damage.from, damage.to,
                                      fmt::format("node {}: {}", options_->files.name, damage.what)),
                              sink);
  if (!told) {
    // It is found again.
    CloseReader();
    return told.error();
  }
  ++stats_->corrupt;
  damaged_ = counts_ = true;
  MoveTo(damage.to);
  return Turn::kNext;
}

Gap NodeReader::MakeGap(GapReason reason, const Position& from, const Position& to, const std::string& detail) const {
  Gap gap;
  gap.reason = reason;
  gap.node = options_->node;
  gap.from = from;
  gap.to = to;
  gap.detail = detail;
  gap.seen_at = {now_us_};
  return gap;
}

Status NodeReader::TellGap(const Gap& gap, CaptureSink* sink) {
  TRY(sink->OnGap(gap));
  ++stats_->gaps;
  Log(true, gap.detail);
  return {};
}

Result<bool> NodeReader::LetGo(int64_t now_us, CaptureSink* sink) {
  now_us_ = now_us;
  SegmentFile* const head = directory_->Head();
  if (head == nullptr || !head->log() || !directory_->Dead(head)) return false;
  const Position from = UnreadFrom(*head);
  const Gap gap =
      MakeGap(GapReason::kOverflow, from, At(*head, kSegmentEnd),
              fmt::format("node {}: {} is nearly full, so segment {} was let go {}, so that Cassandra goes on to take "
                          "writes; backfill the tables that this node holds",
                          options_->files.name, options_->files.cdc_raw, head->id().value,
                          from.segment == head->id() && from.offset != 0 ? fmt::format("behind offset {}", from.offset)
                                                                         : std::string("unread")));
  TRY(TellGap(gap, sink));
  if (const Status noted = let_go_->Add(gap); !noted) {
    Log(true, fmt::format("{}: nothing is let go of {}, since it could not be written down", noted.error().message,
                          options_->files.cdc_raw));
    return false;
  }
  const Status removed = directory_->RemoveFiles(head);
  Finish(head);
  TRY(removed);
  return true;
}

Status NodeReader::TellLetGo(int64_t now_us, CaptureSink* sink) {
  now_us_ = now_us;
  return let_go_->gap().has_value() ? TellGap(*let_go_->gap(), sink) : Status();
}

void NodeReader::AdvanceWatermark(int64_t now_us) {
  const auto raise = [&](int64_t us) { stats_->watermark.us = std::max(stats_->watermark.us, us); };
  SegmentFile* const head = directory_->Head();
  const bool reads = head != nullptr && reader_ && reading_ == head->id();
  const bool plain = reads && !reader_->header().compression;
  const bool clear = head == nullptr || !directory_->AnyBehind(*head);
  const uint64_t given = reads ? std::max(start_, reader_->position()) : 0;
  const bool live = options_->tail == NodeCapture::Tail::kLive;
  if (reads && !live && (plain || !head->synced())) {
    if (now_us >= look_ahead_at_us_ || now_us < look_ahead_at_us_ - kLookAheadUs) {
      ahead_.Look(head, given, clear, now_us);
      look_ahead_at_us_ = now_us + kLookAheadUs;
    }
    const std::optional<int64_t> until = ahead_.GivenUpTo(head->id(), given);
    if (until && plain && evidence_.mapped()) raise(*until);
  }
  if (plain && live) {
    const Result<bool> quiet = reader_->QuietBehind();
    const bool all = quiet && *quiet;
    evidence_.SawEnd(head->id(), reader_->covered_end(), reader_->position(), all);
    if (evidence_.mapped() && clear && all) raise(now_us);
  }
  if (evidence_.mapped()) {
    // A segment that has no header has no writes.
    if (!reads && clear) raise(now_us);
    if (!reads || plain) return;
  }
  raise(now_us - options_->sync_slack_us);
  if (reads && clear && head->synced() && given >= head->synced()->offset && head->synced_at_us() != INT64_MIN) {
    raise(head->synced_at_us() - kSyncWriteUs);
  }
}

void NodeReader::MoveTo(const Position& position) {
  stats_->position = std::max(stats_->position, position);
  if (suspect_ && suspect_->at < position) suspect_.reset();
  if (stop_ && stop_->at < position) stop_.reset();
}

void NodeReader::Finish(SegmentFile* head) {
  MoveTo(At(*head, kSegmentEnd));
  CloseReader();
  directory_->Finish(head);
}

void NodeReader::CloseReader() {
  reader_.reset();
  giver_.Forget();
  at_end_ = pending_ = confirmed_ = counts_ = damaged_ = dead_ = false;
  start_ = limit_ = 0;
}

void NodeReader::Unreachable(const std::string& why) {
  if (stats_->reachable)
    Log(true, fmt::format("{}: cannot be read, and is tried again: {}", options_->files.name, why));
  stats_->reachable = false;
}

void NodeReader::Log(bool alarm, const std::string& message) const {
  if (options_->log) options_->log(alarm, message);
}

}  // namespace braid
