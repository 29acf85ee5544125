#include "capture/segment_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace braid {

namespace {

// A decimal number and a word.
constexpr size_t kMaxIndexBytes = 64;

}  // namespace

void SegmentFile::SetListed(int32_t version, bool log, bool index) {
  if (log || index) version_ = version;
  log_ = log;
  // It may be another file now.
  if (index != index_) index_source_.reset();
  index_ = index;
  had_index_ |= index;
}

void SegmentFile::SetOriginal(std::optional<std::optional<int32_t>> version) {
  original_.reset();
  if (!version) return;
  original_ = version->has_value();
  if (*version && !log_ && !index_) version_ = **version;
}

void SegmentFile::SetFinished() {
  finished_ = true;
  source_.reset();
  index_source_.reset();
  inside_.reset();
}

std::string SegmentFile::LogPath() const {
  return fmt::format("{}/CommitLog-{}-{}.log", node_->cdc_raw, version_, id_.value);
}

std::string SegmentFile::IndexPath() const {
  return fmt::format("{}/CommitLog-{}-{}_cdc.idx", node_->cdc_raw, version_, id_.value);
}

Status SegmentFile::Open() {
  if (source_ != nullptr) return {};
  Result<std::unique_ptr<ByteSource>> opened = files_->OpenForRead(LogPath());
  if (!opened && opened.error().code == ErrorCode::kNotFound && !node_->commitlog.empty()) {
    opened = files_->OpenForRead(fmt::format("{}/CommitLog-{}-{}.log", node_->commitlog, version_, id_.value));
  }
  if (!opened) return opened.error();
  source_ = *std::move(opened);
  return {};
}

bool SegmentFile::LookAtIndex() {
  if (!index_ || (synced_ && synced_->completed)) return false;
  if (index_source_ == nullptr) {
    Result<std::unique_ptr<ByteSource>> opened = files_->OpenForRead(IndexPath());
    if (!opened) return false;
    index_source_ = *std::move(opened);
  }
  std::array<char, kMaxIndexBytes> bytes;
  const Result<size_t> got = index_source_->ReadAt(0, bytes.data(), bytes.size());
  if (!got || std::string_view(bytes.data(), *got) == index_text_) return false;
  index_text_.assign(bytes.data(), *got);
  const std::optional<CdcIndex> read = ParseCdcIndex(index_text_);
  if (!read) return false;
  // It is written in place: cut short, it can say less than before.
  if (synced_ && !read->completed && read->offset <= synced_->offset) return false;
  synced_ = *read;
  const Result<FileInfo> index = files_->Info(IndexPath());
  const Result<FileInfo> log = files_->Info(LogPath());
  if (index && log) synced_at_us_ = std::min(index->modified_us, log->modified_us);
  return true;
}

SegmentFile::Content SegmentFile::LookInside() {
  LookAtIndex();
  if (synced_) content_ = {.any = true, .marked = true};
  if (content_.marked || !Open()) return content_;
  if (inside_ == nullptr) {
    Result<SegmentReader> opened = SegmentReader::Open(*source_, {.live = true});
    if (!opened) return content_;
    inside_ = std::make_unique<SegmentReader>(*std::move(opened));
  } else if (!inside_->Refresh()) {
    return content_;
  }
  // Of the first entry all is wanted; of those behind it nothing: what tells is the marker behind the first.
  while (true) {
    const Result<SegmentReader::Answer> answer = inside_->Next();
    if (!answer || *answer == SegmentReader::Answer::kEnd || *answer == SegmentReader::Answer::kTorn) break;
    if (!content_.any) first_entry_end_ = inside_->position();
    content_.any = true;
    if (inside_->covered_end() >= first_entry_end_) break;
  }
  content_.marked = content_.any && inside_->covered_end() >= first_entry_end_;
  if (content_.marked) inside_.reset();
  return content_;
}

bool SegmentFile::Closed() const {
  if (synced_ && synced_->completed) return true;
  if (original_) return !*original_;
  return !log_ && source_ != nullptr;
}

}  // namespace braid
