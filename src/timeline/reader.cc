#include "timeline/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/arena.h"
#include "codec/change.h"
#include "codec/gap.h"
#include "codec/schema.h"
#include "timeline/batch_records.h"
#include "timeline/format.h"
#include "timeline/segment.h"

namespace braid {
namespace {

using timeline::Batch;
using timeline::Block;
using timeline::BlockKind;
using timeline::Committed;
using timeline::RawRecord;
using timeline::Segment;

// Read at a time: of all tables, and where other tables' blocks are passed over.
constexpr size_t kAheadBytes = 128 * 1024;
constexpr size_t kFilteredAheadBytes = 4 * 1024;

class Reader : public TimelineReader {
 public:
  Reader(FileSystem* files, const Options& options) : files_(files), options_(options) {}

  Status Start();

  Result<Bounds> Refresh() override;
  Status Seek(uint64_t n) override;
  Status SeekTime(int64_t time_us) override;
  Result<const TimelineRecord*> Next() override;
  uint64_t next() const override { return next_; }
  Result<int64_t> EmittedAt() override;
  Status Wait(int timeout_ms) override;

 private:
  bool Wants(const Block& block) const {
    return block.kind == BlockKind::kGaps || (block.kind == BlockKind::kChanges && wanted_.contains(block.table));
  }
  size_t AheadBytes() const { return options_.wanted ? kFilteredAheadBytes : kAheadBytes; }

  Result<std::unique_ptr<Segment>> OpenSegment(uint64_t first);
  Error Lost() const;
  // Of what seems damaged or gone: what it is if retention took it.
  Error Explain(const Error& error);
  Result<std::optional<uint64_t>> FirstAt(const std::vector<uint64_t>& segments, int64_t time_us);

  // Sees to it that batch_ is the one that holds record next_. False at the committed end.
  Result<bool> FindBatch();
  // Opens the segment that holds next_ and enters the batch in it.
  Status Locate();
  Status NextBatch();
  Status EnterBatch(const Batch& batch);
  Status ReadDefinitions(const Batch& batch);
  Status Decode(const RawRecord& raw);

  FileSystem* files_;
  Options options_;
  Bounds bounds_;
  uint64_t next_ = 1;

  std::unique_ptr<Segment> segment_;  // nullptr: next_ must be located first
  Batch batch_;                       // the one at hand; its blocks are in records_
  timeline::BatchRecords records_;
  uint64_t definitions_at_ = 0;  // all definitions of segment_ up to this offset are known
  SchemaSet schemas_;
  std::set<TableId> wanted_;  // of the tables whose definitions were read

  std::unique_ptr<FileWatch> watch_;
  Arena arena_;
  Change change_;
  Gap gap_;
  TimelineRecord record_;
};

Status Reader::Start() {
  const auto committed = timeline::ReadCommitted(files_, options_.directory);
  if (!committed.has_value() && committed.error().code == ErrorCode::kNotFound) {
    return NotFound(options_.directory + ": there is no timeline here (no file \"committed\"): has the pipeline run?");
  }
  TRY(committed);
  bounds_ = {committed->epoch, committed->partition, committed->first, committed->end};
  next_ = bounds_.first;
  return {};
}

Result<TimelineReader::Bounds> Reader::Refresh() {
  ASSIGN_OR_RETURN(const Committed committed, timeline::ReadCommitted(files_, options_.directory));
  if (committed.epoch != bounds_.epoch || committed.partition != bounds_.partition) {
    return Corrupt(fmt::format("{}: is now partition {}, epoch {}, no longer partition {}, epoch {}: open it anew",
                               options_.directory, committed.partition, committed.epoch, bounds_.partition,
                               bounds_.epoch));
  }
  if (committed.end < next_) {
    return Corrupt(
        fmt::format("{}: ends before record {} now, but records up to {} were read: the machine has crashed "
                    "and lost what was committed; read on from its end, or from an earlier record",
                    options_.directory, committed.end, next_ - 1));
  }
  // What was read ahead of the committed end may have been written anew.
  if (committed.end != bounds_.committed && segment_ != nullptr) segment_->Forget();
  bounds_.first = committed.first;
  bounds_.committed = committed.end;
  return bounds_;
}

Error Reader::Lost() const {
  return NotFound(fmt::format("{}: records {} to {} are no longer kept; the oldest is {}", options_.directory, next_,
                              bounds_.first - 1, bounds_.first));
}

Error Reader::Explain(const Error& error) {
  const auto bounds = Refresh();
  if (!bounds.has_value()) return bounds.error();
  return next_ < bounds->first ? Lost() : error;
}

Status Reader::Seek(uint64_t n) {
  segment_.reset();
  // Where the reader was no longer counts, also if the log has become shorter than that.
  const uint64_t before = std::exchange(next_, 1);
  const auto bounds = Refresh();
  next_ = before;
  TRY(bounds);
  if (n > bounds->committed) {
    return InvalidArgument(
        fmt::format("{}: record {} is not there yet; the next will be {}", options_.directory, n, bounds->committed));
  }
  if (n < bounds->first) {
    return NotFound(fmt::format("{}: records {} to {} are no longer kept; the oldest is {}", options_.directory, n,
                                bounds->first - 1, bounds->first));
  }
  next_ = n;
  return {};
}

Result<std::unique_ptr<Segment>> Reader::OpenSegment(uint64_t first) {
  ASSIGN_OR_RETURN(auto segment, Segment::Open(files_, options_.directory, first, AheadBytes()));
  const timeline::SegmentHeader& header = segment->header();
  if (header.epoch != bounds_.epoch || header.partition != bounds_.partition) {
    return Corrupt(
        fmt::format("{}: at offset 0: is of partition {}, epoch {}, and not of partition {}, epoch {}: it "
                    "was copied from elsewhere",
                    segment->name(), header.partition, header.epoch, bounds_.partition, bounds_.epoch));
  }
  return segment;
}

// The first record emitted at or after `time_us` in the segments, all of which begin with committed records; nullopt if
// there is none.
Result<std::optional<uint64_t>> Reader::FirstAt(const std::vector<uint64_t>& segments, int64_t time_us) {
  // The last segment that begins before that time has it, or the one after begins with it.
  size_t low = 0;
  size_t high = segments.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    ASSIGN_OR_RETURN(const auto segment, OpenSegment(segments[middle]));
    ASSIGN_OR_RETURN(const Batch batch, segment->ReadBatch(timeline::kSegmentHeaderBytes));
    if (batch.emitted_us < time_us) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return std::optional<uint64_t>(bounds_.first);
  const uint64_t end = low < segments.size() ? segments[low] : bounds_.committed;
  ASSIGN_OR_RETURN(const auto segment, OpenSegment(segments[low - 1]));
  ASSIGN_OR_RETURN(Batch batch, segment->BatchNearTime(time_us));
  while (batch.emitted_us < time_us && batch.end() < end) {
    ASSIGN_OR_RETURN(batch, segment->ReadBatch(batch.end_offset()));
  }
  return std::optional<uint64_t>(batch.emitted_us < time_us ? batch.end() : batch.first);
}

Status Reader::SeekTime(int64_t time_us) {
  // Retention may take a segment between two looks: then there is a later one to begin with.
  for (;;) {
    TRY(Seek(bounds_.committed));
    ASSIGN_OR_RETURN(std::vector<uint64_t> segments, timeline::ListSegments(files_, options_.directory));
    std::erase_if(segments, [this](uint64_t first) { return first < bounds_.first || first >= bounds_.committed; });
    const auto found = FirstAt(segments, time_us);
    if (found.has_value()) return Seek(found->value_or(bounds_.committed));
    const uint64_t first = bounds_.first;
    TRY(Refresh());
    if (bounds_.first == first) return found.error();
  }
}

Status Reader::Locate() {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> segments, timeline::ListSegments(files_, options_.directory));
  const auto after = std::ranges::upper_bound(segments, next_);
  if (after == segments.begin()) {
    return Corrupt(fmt::format("{}: no segment holds record {}", options_.directory, next_));
  }
  ASSIGN_OR_RETURN(auto segment, OpenSegment(*std::prev(after)));
  ASSIGN_OR_RETURN(Batch batch, segment->BatchNear(next_));
  while (batch.end() <= next_) {
    ASSIGN_OR_RETURN(batch, segment->ReadBatch(batch.end_offset()));
  }
  segment_ = std::move(segment);
  definitions_at_ = 0;
  Status entered = EnterBatch(batch);
  if (!entered.has_value()) segment_.reset();
  return entered;
}

// The batch after the one at hand: in this segment, or at the beginning of the next.
Status Reader::NextBatch() {
  const uint64_t offset = batch_.end_offset();
  auto batch = segment_->ReadBatch(offset);
  if (!batch.has_value()) {
    ASSIGN_OR_RETURN(const uint64_t size, segment_->Size());
    if (size > offset) return batch.error();
    auto following = OpenSegment(next_);
    if (!following.has_value()) {
      if (following.error().code != ErrorCode::kNotFound) return following.error();
      return Corrupt(
          fmt::format("{}: at offset {}: the file ends, and no segment begins with record {}: it was cut, or "
                      "the one that follows was taken away",
                      segment_->name(), offset, next_));
    }
    segment_ = std::move(*following);
    definitions_at_ = 0;
    batch_ = Batch{.offset = 0, .bytes = timeline::kSegmentHeaderBytes};
    batch = segment_->ReadBatch(timeline::kSegmentHeaderBytes);
    TRY(batch);
  }
  if (batch->first != next_) {
    return Corrupt(fmt::format("{}: at offset {}: a batch begins with record {} where {} is due", segment_->name(),
                               batch->offset, batch->first, next_));
  }
  return EnterBatch(*batch);
}

Status Reader::EnterBatch(const Batch& batch) {
  if (batch.definitions_at > definitions_at_) {
    ASSIGN_OR_RETURN(const Batch earlier, segment_->ReadBatch(batch.definitions_at));
    TRY(ReadDefinitions(earlier));
  }
  if (batch.HasDefinitions()) TRY(ReadDefinitions(batch));
  std::vector<size_t> wanted;
  for (size_t i = 0; i < batch.blocks.size(); ++i) {
    if (Wants(batch.blocks[i])) wanted.push_back(i);
  }
  batch_ = batch;
  records_.Start(batch, wanted);
  return {};
}

// Those of `batch` and of all before it in the segment that are not known yet.
Status Reader::ReadDefinitions(const Batch& batch) {
  const uint64_t known = definitions_at_;
  Batch at = batch;
  for (;;) {
    for (const Block& block : at.blocks) {
      if (block.kind != BlockKind::kDefinition) continue;
      ASSIGN_OR_RETURN(TableSchemaPtr schema, segment_->ReadDefinition(block));
      if (schemas_.Find(schema->id) != nullptr) continue;
      if (!options_.wanted || options_.wanted(*schema)) wanted_.insert(schema->table_id);
      schemas_.Add(std::move(schema));
    }
    if (at.definitions_at <= known) break;
    // Falls with each step: ReadBatch has seen to it.
    ASSIGN_OR_RETURN(at, segment_->ReadBatch(at.definitions_at));
  }
  definitions_at_ = std::max(definitions_at_, batch.offset);
  return {};
}

Status Reader::Decode(const RawRecord& raw) {
  const Sequence sequence{bounds_.epoch, bounds_.partition, raw.n};
  record_ = {.sequence = sequence, .emitted_us = batch_.emitted_us};
  const auto where = [&] {
    return fmt::format("{}: at offset {}: record {}", segment_->name(), raw.block_offset, raw.n);
  };
  if (raw.kind == BlockKind::kGaps) {
    auto gap = DecodeGap(raw.bytes);
    if (!gap.has_value()) return gap.error().At(where());
    gap_ = std::move(*gap);
    record_.gap = &gap_;
    return {};
  }
  arena_.Reset();
  const auto change = DecodeChange(raw.bytes, sequence, schemas_, &arena_);
  if (!change.has_value()) {
    // The definition stands before the change, or the log is damaged.
    const bool unknown = change.error().code == ErrorCode::kNotFound;
    return Error{unknown ? ErrorCode::kCorrupt : change.error().code, change.error().message}.At(where());
  }
  change_ = *change;
  record_.change = &change_;
  return {};
}

Result<bool> Reader::FindBatch() {
  if (next_ >= bounds_.committed) {
    TRY(Refresh());
    if (next_ >= bounds_.committed) return false;
  }
  if (next_ < bounds_.first) return Lost();
  Status status;
  if (segment_ == nullptr) {
    status = Locate();
  } else if (next_ >= batch_.end()) {
    status = NextBatch();
  }
  if (status.has_value()) return true;
  segment_.reset();
  return Explain(status.error());
}

Result<const TimelineRecord*> Reader::Next() {
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, FindBatch());
    if (!found) return nullptr;
    while (records_.next() < batch_.end()) {
      const auto raw = records_.Next(segment_.get());
      const Status decoded = !raw.has_value() ? Status(raw.error()) : raw->n < next_ ? Status() : Decode(*raw);
      if (!decoded.has_value()) {
        segment_.reset();
        return decoded.error();
      }
      if (raw->n < next_) continue;
      next_ = raw->n + 1;
      return &record_;
    }
    next_ = batch_.end();
  }
}

Result<int64_t> Reader::EmittedAt() {
  ASSIGN_OR_RETURN(const bool found, FindBatch());
  if (found) return batch_.emitted_us;
  return NotFound(fmt::format("{}: record {} is not there yet", options_.directory, next_));
}

Status Reader::Wait(int timeout_ms) {
  if (watch_ == nullptr) {
    ASSIGN_OR_RETURN(watch_, files_->Watch(options_.directory + "/" + timeline::kCommittedName));
  }
  TRY(Refresh());
  if (next_ < bounds_.committed) return {};
  return watch_->Wait(timeout_ms);
}

}  // namespace

Result<std::unique_ptr<TimelineReader>> TimelineReader::Open(FileSystem* files, const Options& options) {
  auto reader = std::make_unique<Reader>(files, options);
  TRY(reader->Start());
  return std::unique_ptr<TimelineReader>(std::move(reader));
}

}  // namespace braid
