#include "capture/node_capture.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "capture/entry_giver.h"
#include "capture/let_go.h"
#include "capture/node_reader.h"
#include "capture/segment_directory.h"

namespace braid {

namespace {

// Progress that is only time is told of this often.
constexpr int64_t kTellTimeUs = 20'000;
// What Cassandra takes for cdc_raw if nothing is set.
constexpr uint64_t kDefaultSpaceBytes = uint64_t{4} << 30;
constexpr uint64_t kDefaultShareOfVolume = 8;

class NodeCaptureImpl : public NodeCapture {
 public:
  NodeCaptureImpl(FileSystem* files, SchemaRegistry* schemas, Options options, std::vector<ExcludedColumn> excluded,
                  LetGoRecord let_go)
      : options_(std::move(options)),
        directory_(files, &options_.files, &options_.log, KnownThrough(options_)),
        let_go_(std::move(let_go)),
        reader_(schemas, &options_, std::move(excluded), &directory_, &let_go_, &stats_) {
    stats_.cdc_space_bytes = options_.cdc_space_bytes;
    // Also of a node that has logged nothing yet: its watermark is told with its position.
    stats_.position.node = durable_.node = told_.position.node = options_.node;
    if (!options_.resume || options_.resume->none()) return;
    stats_.position = durable_ = *options_.resume;
    told_.position = stats_.position;
    // A segment that is read in part held something of ours: if it is gone, that is a loss.
    if (stats_.position.offset != kSegmentEnd) directory_.Add(stats_.position.segment)->SetHadIndex();
  }

  Result<bool> Step(int64_t now_us, uint64_t max_bytes, CaptureSink* sink) override;
  Status Release(Position position) override;
  Stats stats() const override;

  // The first listing.
  Status Start() {
    TRY(let_go_.Release(durable_));
    directory_.List(0);
    return directory_.status();
  }

 private:
  static SegmentId KnownThrough(const Options& options) {
    if (!options.resume) return {INT64_MIN};
    return {options.resume->offset == kSegmentEnd ? options.resume->segment.value : options.resume->segment.value - 1};
  }

  Status RemoveReleased();
  Status GuardSpace(int64_t now_us, CaptureSink* sink);
  // Says it once when `share` of the space is passed, and again only after the use has been well below it.
  void WarnOfSpace(double share, bool* warned, const char* what);
  Status TellProgress(CaptureSink* sink);

  Options options_;
  Stats stats_;
  SegmentDirectory directory_;
  LetGoRecord let_go_;
  NodeReader reader_;
  Position durable_;
  CaptureProgress told_;
  uint64_t cleaned_listing_ = 0;
  bool guard_due_ = false;
  bool behind_ = false;
  bool warned_early_ = false;
  bool warned_late_ = false;
  bool told_let_go_ = false;
};

Result<bool> NodeCaptureImpl::Step(int64_t now_us, uint64_t max_bytes, CaptureSink* sink) {
  if (!told_let_go_) TRY(reader_.TellLetGo(now_us, sink));
  told_let_go_ = true;
  directory_.Look(now_us);
  if (cleaned_listing_ != directory_.listings()) {
    cleaned_listing_ = directory_.listings();
    guard_due_ = true;
    // A restarted node links again what was removed after it was read.
    if (const Status removed = RemoveReleased(); !removed && options_.log) options_.log(true, removed.error().message);
  }
  // What can be read is read first; but who did not get through the last time must not keep the guard from its work.
  if (behind_) TRY(GuardSpace(now_us, sink));
  behind_ = true;
  ASSIGN_OR_RETURN(const NodeReader::Outcome outcome, reader_.Read(now_us, max_bytes, sink));
  behind_ = outcome == NodeReader::Outcome::kMore;
  if (!behind_) TRY(GuardSpace(now_us, sink));
  if (outcome == NodeReader::Outcome::kIdle) reader_.AdvanceWatermark(now_us);
  TRY(TellProgress(sink));
  return behind_;
}

Status NodeCaptureImpl::TellProgress(CaptureSink* sink) {
  const bool later = stats_.watermark.us != told_.watermark.us &&
                     (told_.watermark.none() || stats_.watermark.us >= told_.watermark.us + kTellTimeUs);
  if (stats_.position == told_.position && !later) return {};
  const CaptureProgress progress{options_.node, stats_.position, stats_.watermark};
  TRY(sink->OnProgress(progress));
  told_ = progress;
  return {};
}

Status NodeCaptureImpl::Release(Position position) {
  durable_ = std::max(durable_, position);
  TRY(let_go_.Release(durable_));
  return RemoveReleased();
}

Status NodeCaptureImpl::RemoveReleased() {
  ASSIGN_OR_RETURN(const uint64_t removed, directory_.Remove(durable_));
  stats_.segments_removed += removed;
  return {};
}

void NodeCaptureImpl::WarnOfSpace(double share, bool* warned, const char* what) {
  const double used = static_cast<double>(directory_.used_bytes()) / static_cast<double>(stats_.cdc_space_bytes);
  if (used < share - 0.05) *warned = false;
  if (used < share || *warned) return;
  *warned = true;
  if (!options_.log) return;
  options_.log(true, fmt::format("{}: {} takes {} of the {} bytes that Cassandra allows (cdc_total_space): {}",
                                 options_.files.name, options_.files.cdc_raw, directory_.used_bytes(),
                                 stats_.cdc_space_bytes, what));
}

Status NodeCaptureImpl::GuardSpace(int64_t now_us, CaptureSink* sink) {
  if (!guard_due_ || !directory_.status()) return {};
  WarnOfSpace(0.75, &warned_early_, "the pipeline does not keep up, or what it has read is not durable yet");
  const bool drop = options_.on_overflow == OnOverflow::kDrop;
  WarnOfSpace(0.9, &warned_late_,
              drop ? "segments that were not read are let go"
                   : "nothing is let go (on_overflow: block), so that "
                     "Cassandra will refuse writes to cdc tables");
  // Only what was not read: what was given and is not durable yet is little, and lost in silence if this process died.
  while (drop && directory_.used_bytes() >= stats_.cdc_space_bytes / 10 * 9) {
    ASSIGN_OR_RETURN(const bool let_go, reader_.LetGo(now_us, sink));
    if (!let_go) break;
    ++stats_.segments_removed;
    directory_.List(now_us);
  }
  guard_due_ = false;
  return {};
}

NodeCapture::Stats NodeCaptureImpl::stats() const {
  Stats stats = stats_;
  stats.cdc_raw_bytes = directory_.used_bytes();
  stats.unread_bytes = directory_.UnreadBytes(stats_.position);
  return stats;
}

}  // namespace

Result<std::unique_ptr<NodeCapture>> NodeCapture::Open(FileSystem* files, SchemaRegistry* schemas,
                                                       const Options& options) {
  ASSIGN_OR_RETURN(std::vector<ExcludedColumn> excluded, ParseExcluded(options.exclude));
  for (const TableSchema* const table : schemas->CapturedTables()) {
    for (const ExcludedColumn& column : excluded) {
      if (column.table != table->FullName()) continue;
      const Column* const found = table->FindColumn(column.column);
      if (found == nullptr || found->kind == ColumnKind::kStatic || found->kind == ColumnKind::kRegular) continue;
      return InvalidArgument(
          fmt::format("exclude: {}.{} is a key column, without which a row cannot be told from others", column.table,
                      column.column));
    }
  }
  Options own = options;
  if (own.cdc_space_bytes == 0) {
    own.cdc_space_bytes = kDefaultSpaceBytes;
    const Result<uint64_t> volume = files->VolumeBytes(own.files.cdc_raw);
    if (volume) own.cdc_space_bytes = std::min(kDefaultSpaceBytes, *volume / kDefaultShareOfVolume);
  }
  ASSIGN_OR_RETURN(LetGoRecord let_go, LetGoRecord::Open(files, own.let_go_path));
  auto capture =
      std::make_unique<NodeCaptureImpl>(files, schemas, std::move(own), std::move(excluded), std::move(let_go));
  TRY(capture->Start());
  return std::unique_ptr<NodeCapture>(std::move(capture));
}

}  // namespace braid
