#include "capture/segment_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "cassandra/commitlog/file_name.h"

namespace braid {

namespace {

// Between listings when nothing tells of a change.
constexpr int64_t kListEveryUs = 100'000;
// A directory's time is that of the kernel's last tick: two changes within one look like one.
constexpr int64_t kSettledAfterUs = 20'000;
// Logs opened ahead of being read, so that they stay readable when Cassandra lets go of them (a segment without writes
// to cdc tables, or cdc_block_writes: false).
constexpr int kOpenAhead = 4;
// Names of foreign files that are kept, so that each is warned of once.
constexpr size_t kMaxForeign = 1000;

}  // namespace

SegmentDirectory::SegmentDirectory(FileSystem* files, const NodeFiles* node, const Log* log, SegmentId known_through)
    : files_(files), node_(node), log_(log), known_through_(known_through) {}

void SegmentDirectory::Look(int64_t now_us) {
  const Result<FileInfo> info = files_->Info(node_->cdc_raw);
  const bool changed =
      info && (info->modified_us != listed_modified_us_ || info->modified_us > listed_at_us_ - kSettledAfterUs);
  // A clock that was set back is no reason to wait.
  const bool due = now_us >= listed_at_us_ + kListEveryUs || now_us < listed_at_us_;
  if (listings_ == 0 || changed || due) List(now_us);
}

void SegmentDirectory::List(int64_t now_us) {
  const Result<FileInfo> info = files_->Info(node_->cdc_raw);
  const Result<std::vector<std::string>> names = files_->List(node_->cdc_raw);
  ++listings_;
  listed_at_us_ = now_us;
  listed_modified_us_ = info ? info->modified_us : INT64_MIN;
  status_ = names ? Status() : Status(tl::unexpect, names.error());
  if (!names) return;
  std::map<SegmentId, Names> found;
  for (const std::string& name : *names) {
    const std::optional<SegmentFileName> parsed = ParseSegmentFileName(name);
    if (!parsed) {
      if (foreign_.size() < kMaxForeign && foreign_.insert(name).second && *log_) {
        (*log_)(false, fmt::format("{}/{}: is no commit-log segment; it is left alone", node_->cdc_raw, name));
      }
      continue;
    }
    Names& of = found[parsed->id];
    of.version = parsed->version;
    (parsed->cdc_index ? of.index : of.log) = true;
  }
  Take(std::move(found), now_us);
  // After cdc_raw: a segment is made in commitlog first and linked then, so that whatever is in cdc_raw and not there
  // was let go of.
  LookForOriginals();
  Measure();
}

void SegmentDirectory::Take(std::map<SegmentId, Names> names, int64_t now_us) {
  any_log_ = false;
  for (const auto& [id, of] : names) {
    std::unique_ptr<SegmentFile>& segment = segments_[id];
    if (segment == nullptr) {
      segment = std::make_unique<SegmentFile>(files_, node_, id);
      if (id <= known_through_) segment->SetFinished();
    }
    segment->SetListed(of.version, of.log, of.index);
    any_log_ |= of.log;
    if (of.log) missing_since_.erase(id);
  }
  for (auto it = segments_.begin(); it != segments_.end();) {
    SegmentFile& segment = *it->second;
    if (names.find(it->first) == names.end()) segment.SetListed(0, false, false);
    const bool gone = !segment.log() && !segment.index();
    // One that was never known to hold anything of ours goes as Cassandra likes.
    if (gone && (segment.finished() || (segment.source() == nullptr && !segment.had_index()))) {
      missing_since_.erase(it->first);
      it = segments_.erase(it);
      continue;
    }
    // The first listing is made without a clock.
    if (!segment.log() && !segment.finished() && listings_ > 1) missing_since_.emplace(it->first, now_us);
    ++it;
  }
  int ahead = 0;
  for (const auto& [id, segment] : segments_) {
    if (segment->finished() || !segment->log()) continue;
    if (++ahead > kOpenAhead) break;
    // What cannot be opened is told of when it is to be read.
    static_cast<void>(segment->Open());
  }
}

void SegmentDirectory::LookForOriginals() {
  if (node_->commitlog.empty()) return;
  const Result<std::vector<std::string>> names = files_->List(node_->commitlog);
  std::map<SegmentId, int32_t> originals;
  if (names) {
    for (const std::string& name : *names) {
      const std::optional<SegmentFileName> parsed = ParseSegmentFileName(name);
      if (parsed && !parsed->cdc_index) originals.emplace(parsed->id, parsed->version);
    }
  }
  for (const auto& [id, segment] : segments_) {
    // A node always has a segment: an empty directory is one that is not mounted.
    if (originals.empty()) {
      segment->SetOriginal(std::nullopt);
      continue;
    }
    const auto found = originals.find(id);
    segment->SetOriginal(found == originals.end() ? std::optional<int32_t>() : std::optional(found->second));
  }
}

void SegmentDirectory::Measure() {
  std::vector<uint64_t> sizes;
  for (const auto& [id, segment] : segments_) {
    if (!segment->log()) continue;
    const Result<FileInfo> info = files_->Info(segment->LogPath());
    if (!info) continue;
    sizes.push_back(info->size_bytes);
    segment_bytes_ = std::max(segment_bytes_, info->size_bytes);
    if (segment->synced()) segment_bytes_ = std::max(segment_bytes_, segment->synced()->offset);
  }
  used_bytes_ = 0;
  for (const uint64_t size : sizes) used_bytes_ += std::max(size, segment_bytes_);
}

SegmentFile* SegmentDirectory::Head() {
  for (const auto& [id, segment] : segments_) {
    if (!segment->finished()) return segment.get();
  }
  return nullptr;
}

SegmentFile* SegmentDirectory::Add(SegmentId id) {
  std::unique_ptr<SegmentFile>& segment = segments_[id];
  if (segment == nullptr) segment = std::make_unique<SegmentFile>(files_, node_, id);
  return segment.get();
}

void SegmentDirectory::Finish(SegmentFile* segment) {
  segment->SetFinished();
  known_through_ = std::max(known_through_, segment->id());
}

bool SegmentDirectory::Dead(SegmentFile* segment) {
  segment->LookAtIndex();
  if (segment->Closed()) return true;
  // Cassandra syncs its segments in their order, and closes one before it writes to the next.
  for (auto it = segments_.upper_bound(segment->id()); it != segments_.end(); ++it) {
    if (it->second->LookInside().marked) return true;
  }
  return false;
}

bool SegmentDirectory::AnyBehind(const SegmentFile& segment) {
  for (auto it = segments_.upper_bound(segment.id()); it != segments_.end(); ++it) {
    if (it->second->LookInside().any) return true;
  }
  return false;
}

Result<uint64_t> SegmentDirectory::Remove(Position durable) {
  uint64_t removed = 0;
  Status worst;
  for (const auto& [id, segment] : segments_) {
    const bool passed = id < durable.segment || (id == durable.segment && durable.offset == kSegmentEnd);
    if (!passed) break;
    if (!segment->finished() || (!segment->log() && !segment->index())) continue;
    const Status status = RemoveFiles(segment.get());
    if (status) {
      ++removed;
    } else {
      worst = status;
    }
  }
  if (!worst) return worst.error();
  return removed;
}

Status SegmentDirectory::RemoveFiles(SegmentFile* segment) {
  Failpoint("capture.release.begin");
  // The log first: without it the index stands for nothing, while a log without its index can still be read.
  for (const bool log : {true, false}) {
    if (!(log ? segment->log() : segment->index())) continue;
    const Status status = files_->Remove(log ? segment->LogPath() : segment->IndexPath());
    if (!status && status.error().code != ErrorCode::kNotFound) return status;
    segment->SetListed(segment->version(), log ? false : segment->log(), log ? segment->index() : false);
    if (log) Failpoint("capture.release.log-removed");
  }
  Failpoint("capture.release.end");
  return {};
}

uint64_t SegmentDirectory::UnreadBytes(const Position& given) const {
  uint64_t bytes = 0;
  for (const auto& [id, segment] : segments_) {
    if (segment->finished() || !segment->synced()) continue;
    const uint64_t from = id == given.segment && given.offset != kSegmentEnd ? given.offset : 0;
    bytes += segment->synced()->offset - std::min(from, segment->synced()->offset);
  }
  return bytes;
}

std::optional<int64_t> SegmentDirectory::MissingSince(const SegmentFile& segment) const {
  const auto found = missing_since_.find(segment.id());
  if (found == missing_since_.end()) return std::nullopt;
  return found->second;
}

}  // namespace braid
