#include "timeline/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/failpoint.h"
#include "codec/schema.h"
#include "timeline/batch_builder.h"
#include "timeline/format.h"
#include "timeline/segment.h"

namespace braid {
namespace {

using timeline::Batch;
using timeline::BatchBuilder;
using timeline::Committed;
using timeline::IndexEntry;
using timeline::IndexName;
using timeline::ListSegments;
using timeline::Segment;
using timeline::SegmentHeader;
using timeline::SegmentName;

// Read at a time where batches' heads are looked at one after another.
constexpr size_t kWalkBytes = 64 * 1024;

// A segment as the writer knows it.
struct SegmentState {
  uint64_t first = 0;
  uint64_t bytes = 0;
  std::optional<int64_t> first_us;  // of its first record; unset if it has none
  std::optional<int64_t> last_us;   // of its last record; unset if it has none, or it was not looked at yet
};

// Where the last segment ends: what a rollback goes back to.
struct Tail {
  size_t segments = 0;
  SegmentState segment;
  uint64_t end = 1;  // number of the next record
  uint64_t definitions_at = 0;
  int64_t emitted_us = 0;  // of the last record; 0 if there is none
};

class Writer : public TimelineWriter {
 public:
  Writer(FileSystem* files, const Options& options) : files_(files), options_(options) {}

  Status Start(uint64_t committed_end);

  uint64_t Append(const Change& change) override;
  uint64_t Append(const Gap& gap) override;
  Status Sync(int64_t now_us) override;
  Status Publish() override;
  Status Rollback() override;
  uint64_t end() const override { return batch_.end(); }
  size_t pending_bytes() const override { return batch_.bytes(); }
  Status Retain(int64_t keep_since_us, uint64_t keep_bytes, uint64_t pinned) override;
  Stats stats() const override;

 private:
  // A definition that Changes have named, and the number of the batch that it was last written with (0: none).
  struct Definition {
    TableId table;
    std::string bytes;
    uint64_t written_with = 0;
  };

  std::string PathOf(const std::string& name) const { return options_.directory + "/" + name; }
  SegmentState& last() { return segments_.back(); }

  // Opening.
  Result<std::vector<uint64_t>> UsableSegments(uint64_t committed_end);
  Status CheckHeader(const SegmentHeader& header, const std::string& name) const;
  Status OpenLast(uint64_t first, uint64_t committed_end);
  Status ReadOlder(const std::vector<uint64_t>& firsts);
  void WriteIndex(const std::vector<IndexEntry>& entries);

  // Writing.
  Status MakeSegment(uint64_t first);
  Status FillSegment(uint64_t first);
  Status RemoveIfThere(const std::string& name);
  Status RemoveDoomed();
  Status DropUnfinished();
  void IndexPublished();
  Status WriteCommitted(uint64_t first);
  std::vector<BatchBuilder::Definition> NewDefinitions();
  Status LearnLastTime(size_t i);
  void MarkWritten();

  FileSystem* files_;
  Options options_;
  std::vector<SegmentState> segments_;  // oldest first; at least one, the last is written
  std::unique_ptr<WritableFile> file_;  // of the last segment; nullptr after a rollback, until it is opened again
  bool dirty_ = false;                  // the file may be longer than last().bytes
  std::vector<uint64_t> doomed_;        // segments that must not be there: of a failed roll, or rolled back
  uint64_t definitions_at_ = 0;
  int64_t emitted_us_ = 0;
  BatchBuilder batch_{1};
  std::unordered_map<uint64_t, Definition> definitions_;  // by SchemaId
  Tail published_;
  uint64_t appended_ = 0;

  std::unique_ptr<WritableFile> index_;  // of the last segment; nullptr once it could not be written
  std::vector<IndexEntry> index_pending_;
  uint64_t indexed_to_ = 0;  // offset of the last entry
};

Status Writer::Start(uint64_t committed_end) {
  CHECK(committed_end > 0);
  TRY(files_->MakeDirectory(options_.directory));
  ASSIGN_OR_RETURN(const std::vector<uint64_t> firsts, UsableSegments(committed_end));
  batch_.Reset(committed_end);
  if (firsts.empty()) {
    TRY(MakeSegment(committed_end));
  } else {
    TRY(ReadOlder(firsts));
    TRY(OpenLast(firsts.back(), committed_end));
  }
  published_ = {segments_.size(), last(), committed_end, definitions_at_, emitted_us_};
  TRY(WriteCommitted(segments_.front().first));
  // Later ones are not synced; this one tells readers of a machine that has crashed where the end is.
  ASSIGN_OR_RETURN(const auto committed, files_->OpenForAppend(PathOf(timeline::kCommittedName)));
  TRY(committed->Sync());
  return files_->SyncDirectory(options_.directory);
}

// The segments that hold committed records, and the one that will hold the next if there is no other. Removes those
// that begin after the committed end.
Result<std::vector<uint64_t>> Writer::UsableSegments(uint64_t committed_end) {
  ASSIGN_OR_RETURN(std::vector<uint64_t> firsts, ListSegments(files_, options_.directory));
  if (firsts.empty() && committed_end > 1) {
    return Corrupt(fmt::format(
        "{}: there is no segment (*.tl), but records up to {} were committed: bring the files back, or move the "
        "pipeline's state away too and start anew",
        options_.directory, committed_end - 1));
  }
  if (!firsts.empty() && firsts.front() > committed_end) {
    return Corrupt(fmt::format(
        "{}: the log begins with record {}, after the committed end {}: state and timeline are not of one pipeline, or "
        "the state is an old copy; bring the state back that belongs to it",
        PathOf(SegmentName(firsts.front())), firsts.front(), committed_end));
  }
  while (firsts.size() > 1 && firsts.back() >= committed_end) {
    doomed_.push_back(firsts.back());
    firsts.pop_back();
  }
  TRY(RemoveDoomed());
  return firsts;
}

Status Writer::CheckHeader(const SegmentHeader& header, const std::string& name) const {
  if (header.partition == options_.partition && header.epoch == options_.epoch) return {};
  return Corrupt(
      fmt::format("{}: at offset 0: is of partition {}, epoch {}, and not of partition {}, epoch {}: it was "
                  "copied from elsewhere; move it away",
                  name, header.partition, header.epoch, options_.partition, options_.epoch));
}

Status Writer::ReadOlder(const std::vector<uint64_t>& firsts) {
  for (size_t i = 0; i + 1 < firsts.size(); ++i) {
    ASSIGN_OR_RETURN(const auto segment, Segment::Open(files_, options_.directory, firsts[i], 4096));
    TRY(CheckHeader(segment->header(), segment->name()));
    SegmentState& state = segments_.emplace_back(SegmentState{.first = firsts[i]});
    ASSIGN_OR_RETURN(state.bytes, segment->Size());
    ASSIGN_OR_RETURN(const Batch batch, segment->ReadBatch(timeline::kSegmentHeaderBytes));
    state.first_us = batch.emitted_us;
  }
  return {};
}

// Finds the committed end in the last segment, batch by batch, and cuts off what follows.
Status Writer::OpenLast(uint64_t first, uint64_t committed_end) {
  auto opened = Segment::Open(files_, options_.directory, first, kWalkBytes);
  if (!opened.has_value() && opened.error().code == ErrorCode::kCorrupt && first == committed_end) {
    // Nothing was ever committed to it: it was being made when the machine stopped.
    return MakeSegment(first);
  }
  TRY(opened);
  Segment& segment = **opened;
  TRY(CheckHeader(segment.header(), segment.name()));
  segments_.push_back({.first = first, .bytes = timeline::kSegmentHeaderBytes});
  ASSIGN_OR_RETURN(const uint64_t size, segment.Size());
  std::vector<IndexEntry> index;
  for (uint64_t n = first; n < committed_end;) {
    auto batch = segment.ReadBatch(last().bytes);
    if (batch.has_value() && batch->end_offset() > size) {
      batch = Corrupt(fmt::format("{}: at offset {}: the file ends within a batch", segment.name(), batch->offset));
    }
    if (!batch.has_value() && batch.error().code == ErrorCode::kCorrupt) {
      return Corrupt(fmt::format(
          "{}; records {} to {} were committed and cannot be found: bring the file back, or move the pipeline's state "
          "and timeline away and start anew",
          batch.error().message, n, committed_end - 1));
    }
    TRY(batch);
    if (batch->first != n || batch->end() > committed_end) {
      return Corrupt(
          fmt::format("{}: at offset {}: holds records {} to {} where {} is due and the committed end is {}: state and "
                      "timeline are not of one pipeline",
                      segment.name(), batch->offset, batch->first, batch->end() - 1, n, committed_end));
    }
    if (batch->offset - indexed_to_ >= options_.index_every_bytes) {
      index.push_back({batch->offset, batch->first, batch->emitted_us});
      indexed_to_ = batch->offset;
    }
    if (batch->HasDefinitions()) definitions_at_ = batch->offset;
    if (!last().first_us) last().first_us = batch->emitted_us;
    last().last_us = batch->emitted_us;
    last().bytes = batch->end_offset();
    n = batch->end();
  }
  emitted_us_ = last().last_us.value_or(0);
  if (!last().last_us && segments_.size() > 1) {
    TRY(LearnLastTime(segments_.size() - 2));
    emitted_us_ = segments_[segments_.size() - 2].last_us.value_or(0);
  }
  ASSIGN_OR_RETURN(file_, files_->OpenForAppend(PathOf(SegmentName(first))));
  if (file_->size() != last().bytes) {
    TRY(file_->Truncate(last().bytes));
    TRY(file_->Sync());
  }
  WriteIndex(index);
  return {};
}

// The index is a help only: where it cannot be written, readers do without.
void Writer::WriteIndex(const std::vector<IndexEntry>& entries) {
  auto opened = files_->OpenForAppend(PathOf(IndexName(last().first)));
  if (!opened.has_value()) return;
  index_ = std::move(*opened);
  index_pending_ = entries;
  if (!index_->Truncate(0).has_value()) index_.reset();
  IndexPublished();
}

void Writer::IndexPublished() {
  if (index_pending_.empty()) return;
  std::string bytes;
  for (const IndexEntry& entry : index_pending_) timeline::AppendIndexEntry(&bytes, entry);
  index_pending_.clear();
  if (index_ != nullptr && !index_->Append(bytes).has_value()) index_.reset();
}

// Makes the file of an empty segment, synced, and its name lasting; it becomes the last one.
Status Writer::MakeSegment(uint64_t first) {
  Failpoint("timeline.roll.begin");
  Status made = FillSegment(first);
  if (!made.has_value()) doomed_.push_back(first);
  return made;
}

Status Writer::FillSegment(uint64_t first) {
  ASSIGN_OR_RETURN(auto file, files_->OpenForAppend(PathOf(SegmentName(first))));
  if (file->size() > 0) TRY(file->Truncate(0));
  TRY(file->Append(timeline::EncodeSegmentHeader({options_.partition, options_.epoch, first})));
  Failpoint("timeline.roll.header");
  TRY(file->Sync());
  Failpoint("timeline.roll.synced");
  TRY(files_->SyncDirectory(options_.directory));
  Failpoint("timeline.roll.end");
  file_ = std::move(file);
  segments_.push_back({.first = first, .bytes = timeline::kSegmentHeaderBytes});
  dirty_ = false;
  definitions_at_ = 0;
  indexed_to_ = 0;
  // Entries of the segment before that were not published yet are given up.
  index_pending_.clear();
  WriteIndex({});
  return {};
}

uint64_t Writer::Append(const Change& change) {
  const auto [found, fresh] = definitions_.try_emplace(change.schema->id.value);
  if (fresh) {
    found->second.table = change.schema->table_id;
    AppendTableSchema(&found->second.bytes, *change.schema);
  }
  batch_.Add(change);
  ++appended_;
  return batch_.end() - 1;
}

uint64_t Writer::Append(const Gap& gap) {
  batch_.Add(gap);
  ++appended_;
  return batch_.end() - 1;
}

// Those of the batch at hand that the last segment does not have.
std::vector<BatchBuilder::Definition> Writer::NewDefinitions() {
  std::vector<BatchBuilder::Definition> fresh;
  for (const SchemaId id : batch_.definitions()) {
    const Definition& definition = definitions_.at(id.value);
    if (definition.written_with < last().first) fresh.push_back({definition.table, definition.bytes});
  }
  return fresh;
}

// After the batch at hand was written.
void Writer::MarkWritten() {
  for (const SchemaId id : batch_.definitions()) {
    Definition& definition = definitions_.at(id.value);
    if (definition.written_with < last().first) definition.written_with = batch_.first();
  }
}

// Removes a file that may be gone already.
Status Writer::RemoveIfThere(const std::string& name) {
  Status removed = files_->Remove(PathOf(name));
  if (!removed.has_value() && removed.error().code != ErrorCode::kNotFound) return removed;
  return {};
}

// Before anything else is written: a name of these that came back after a crash would be taken for a committed segment.
Status Writer::RemoveDoomed() {
  if (doomed_.empty()) return {};
  for (const uint64_t first : doomed_) {
    TRY(RemoveIfThere(SegmentName(first)));
    TRY(RemoveIfThere(IndexName(first)));
  }
  TRY(files_->SyncDirectory(options_.directory));
  doomed_.clear();
  return {};
}

// Brings the files to what segments_ says, after what failed or was rolled back.
Status Writer::DropUnfinished() {
  TRY(RemoveDoomed());
  if (file_ == nullptr) {
    ASSIGN_OR_RETURN(file_, files_->OpenForAppend(PathOf(SegmentName(last().first))));
  }
  if (!dirty_) return {};
  TRY(file_->Truncate(last().bytes));
  dirty_ = false;
  return {};
}

Status Writer::Sync(int64_t now_us) {
  if (batch_.empty()) return {};
  TRY(DropUnfinished());
  if (last().bytes >= options_.segment_bytes) TRY(MakeSegment(batch_.first()));
  const int64_t emitted_us = std::max(now_us, emitted_us_);
  const auto fresh = NewDefinitions();
  const uint64_t offset = last().bytes;
  const std::string bytes = batch_.Encode({offset, definitions_at_}, emitted_us, fresh);

  // A failed sync says nothing of what is on the disk, and the next may succeed without writing: so the bytes go, and
  // are written again.
  dirty_ = true;
  const Status appended = file_->Append(bytes);
  if (appended.has_value()) Failpoint("timeline.sync.appended");
  Status synced = appended.has_value() ? file_->Sync() : appended;
  if (!synced.has_value()) {
    (void)DropUnfinished();  // tried again by the next Sync
    return synced;
  }
  dirty_ = false;
  Failpoint("timeline.sync.end");

  if (offset - indexed_to_ >= options_.index_every_bytes) {
    index_pending_.push_back({offset, batch_.first(), emitted_us});
    indexed_to_ = offset;
  }
  MarkWritten();
  if (!fresh.empty()) definitions_at_ = offset;
  if (!last().first_us) last().first_us = emitted_us;
  last().last_us = emitted_us_ = emitted_us;
  last().bytes += bytes.size();
  batch_.Reset(batch_.end());
  return {};
}

Status Writer::WriteCommitted(uint64_t first) {
  const Committed committed{options_.partition, options_.epoch, first, published_.end};
  return files_->Overwrite(PathOf(timeline::kCommittedName), timeline::EncodeCommitted(committed));
}

Status Writer::Publish() {
  published_ = {segments_.size(), last(), batch_.first(), definitions_at_, emitted_us_};
  Failpoint("timeline.publish.begin");
  TRY(WriteCommitted(segments_.front().first));
  Failpoint("timeline.publish.end");
  IndexPublished();
  return {};
}

Status Writer::Rollback() {
  index_pending_.clear();
  while (segments_.size() > published_.segments) {
    doomed_.push_back(last().first);
    segments_.pop_back();
    file_.reset();
    index_.reset();
  }
  last() = published_.segment;
  dirty_ = true;
  for (auto& [id, definition] : definitions_) {
    if (definition.written_with >= published_.end) definition.written_with = 0;
  }
  definitions_at_ = published_.definitions_at;
  emitted_us_ = published_.emitted_us;
  indexed_to_ = std::min(indexed_to_, last().bytes);
  batch_.Reset(published_.end);
  return DropUnfinished();
}

// Fills in segments_[i].last_us.
Status Writer::LearnLastTime(size_t i) {
  if (segments_[i].last_us) return {};
  ASSIGN_OR_RETURN(const auto segment, Segment::Open(files_, options_.directory, segments_[i].first, kWalkBytes));
  const uint64_t end = segments_[i + 1].first;
  ASSIGN_OR_RETURN(Batch batch, segment->BatchNear(end - 1));
  while (batch.end() < end) {
    ASSIGN_OR_RETURN(batch, segment->ReadBatch(batch.end_offset()));
  }
  segments_[i].last_us = batch.emitted_us;
  return {};
}

Status Writer::Retain(int64_t keep_since_us, uint64_t keep_bytes, uint64_t pinned) {
  // Only what is published may go, so that a rollback finds its segment.
  const size_t most = published_.segments - 1;
  uint64_t bytes = stats().bytes;
  size_t gone = 0;
  while (gone < most && segments_[gone + 1].first <= pinned) {
    if (bytes <= keep_bytes) {
      TRY(LearnLastTime(gone));
      if (*segments_[gone].last_us >= keep_since_us) break;
    }
    bytes -= segments_[gone].bytes;
    ++gone;
  }
  if (gone == 0) return {};
  // Readers learn first, so that none finds a file missing that it was told of.
  TRY(WriteCommitted(segments_[gone].first));
  Failpoint("timeline.retain.told");
  for (; gone > 0; --gone) {
    TRY(RemoveIfThere(IndexName(segments_.front().first)));
    TRY(RemoveIfThere(SegmentName(segments_.front().first)));
    // One after another, oldest first: whatever a crash brings back, what is left has no hole.
    TRY(files_->SyncDirectory(options_.directory));
    segments_.erase(segments_.begin());
    --published_.segments;
    Failpoint("timeline.retain.removed");
  }
  return {};
}

TimelineWriter::Stats Writer::stats() const {
  Stats stats;
  for (const SegmentState& segment : segments_) stats.bytes += segment.bytes;
  stats.segments = segments_.size();
  stats.first = segments_.front().first;
  stats.appended = appended_;
  stats.oldest_us = segments_.front().first_us.value_or(0);
  return stats;
}

}  // namespace

Result<std::unique_ptr<TimelineWriter>> TimelineWriter::Open(FileSystem* files, const Options& options,
                                                             uint64_t committed_end) {
  auto writer = std::make_unique<Writer>(files, options);
  TRY(writer->Start(committed_end));
  return std::unique_ptr<TimelineWriter>(std::move(writer));
}

}  // namespace braid
