#include "sim/pipeline/node_model.h"

#include <utility>

#include "base/check.h"

namespace braid::sim {
namespace {

void Ensure(const Status& status) {
  CHECK(status.has_value());
}

}  // namespace

NodeModel::NodeModel(MemoryFileSystem* files, std::string name, bool compressed)
    : disk_(files),
      node_{.name = name, .cdc_raw = "/" + name + "/cdc_raw", .commitlog = "/" + name + "/commitlog", .data = {}},
      compressed_(compressed) {
  Ensure(disk_->MakeDirectory(node_.cdc_raw));
  Ensure(disk_->MakeDirectory(node_.commitlog));
  Begin();
}

std::string NodeModel::Path(const std::string& directory, const Segment& segment, const char* end) const {
  return directory + "/CommitLog-7-" + std::to_string(segment.id) + end;
}

SegmentBuilder NodeModel::Builder(int64_t id) const {
  return compressed_ ? SegmentBuilder(7, id, Compression::kLz4) : SegmentBuilder(7, id);
}

void NodeModel::Begin() {
  current_ = {};
  current_.id = next_id_;
  next_id_ += 1 + next_id_ % 3;
  current_.bytes = Builder(current_.id).Bytes();
  current_.marker = current_.logical = current_.bytes.size();
  current_.at = current_.marker + 8;
  if (!compressed_) current_.bytes.resize(kSegmentBytes);
  Write(current_);
}

// The two names of one file hold the same.
void NodeModel::Write(const Segment& segment) {
  std::string bytes = segment.bytes;
  if (half_from_ != 0) bytes.replace(half_from_, segment.at - half_from_, std::string(segment.at - half_from_, '\0'));
  Ensure(disk_->Overwrite(Path(node_.commitlog, segment, ".log"), bytes));
  Ensure(disk_->Overwrite(Path(node_.cdc_raw, segment, ".log"), bytes));
}

void NodeModel::Complete() {
  if (std::exchange(half_from_, 0) != 0) Write(current_);
}

void NodeModel::Log(const std::string& payload, bool half) {
  Complete();
  const std::string entry = SegmentBuilder::Entry(payload);
  if (current_.at + entry.size() + 16 > kSegmentBytes || current_.waiting.size() > kSegmentBytes) Roll();
  current_.unsynced.push_back(payload);
  current_.captured = true;
  if (compressed_) {
    current_.waiting += entry;
    return;
  }
  CHECK(current_.at + entry.size() <= kSegmentBytes);
  current_.bytes.replace(current_.at, entry.size(), entry);
  if (half) half_from_ = current_.at + entry.size() / 2;
  current_.at += entry.size();
  Write(current_);
}

void NodeModel::Sync(bool tell) {
  Complete();
  if (current_.unsynced.empty()) return;
  const SegmentBuilder builder = Builder(current_.id);
  const auto marker = static_cast<uint32_t>(current_.marker);
  if (compressed_) {
    SegmentBuilder section = builder;
    std::string stored = section.RawSection(current_.waiting).Bytes().substr(builder.Bytes().size());
    StoreBigEndian<uint32_t>(stored.data(), static_cast<uint32_t>(marker + stored.size()));
    StoreBigEndian<uint32_t>(stored.data() + 4, builder.MarkerCrc(marker));
    current_.bytes += stored;
    current_.marker = current_.bytes.size();
    current_.logical += 8 + current_.waiting.size();
    current_.waiting.clear();
  } else {
    StoreBigEndian<uint32_t>(current_.bytes.data() + marker, static_cast<uint32_t>(current_.at));
    StoreBigEndian<uint32_t>(current_.bytes.data() + marker + 4, builder.MarkerCrc(marker));
    current_.marker = current_.logical = current_.at;
    current_.at += 8;
  }
  current_.unsynced.clear();
  Write(current_);
  if (tell) WriteIndex(/*cut=*/false);
}

void NodeModel::WriteIndexOf(const Segment& segment, const std::string& text) {
  const auto file = disk_->OpenForAppend(Path(node_.cdc_raw, segment, "_cdc.idx"));
  CHECK(file.has_value());
  Ensure((*file)->Truncate(0));
  Ensure((*file)->Append(text));
}

void NodeModel::WriteIndex(bool cut) {
  if (!current_.captured) return;
  const std::string text = std::to_string(current_.logical);
  WriteIndexOf(current_, cut ? text.substr(0, text.size() / 2) : text);
}

void NodeModel::Close() {
  if (current_.captured) WriteIndexOf(current_, std::to_string(current_.logical) + "\nCOMPLETED");
  closed_.push_back(std::move(current_));
}

void NodeModel::Roll() {
  Sync(/*tell=*/false);
  Close();
  Begin();
}

void NodeModel::Flush() {
  for (const Segment& segment : closed_) {
    Ensure(disk_->Remove(Path(node_.commitlog, segment, ".log")));
    // What holds nothing for CDC goes altogether.
    if (!segment.captured) static_cast<void>(disk_->Remove(Path(node_.cdc_raw, segment, ".log")));
  }
  closed_.clear();
}

std::vector<std::string> NodeModel::Restart() {
  half_from_ = 0;
  std::vector<std::string> lost = std::move(current_.unsynced);
  current_.unsynced.clear();
  closed_.push_back(std::move(current_));
  // It replays what it has, links again what Braid let go of, and writes the files' sizes into the indexes.
  for (const Segment& segment : closed_) {
    if (!segment.captured) continue;
    Ensure(disk_->Overwrite(Path(node_.cdc_raw, segment, ".log"), segment.bytes));
    WriteIndexOf(segment, std::to_string(segment.bytes.size()) + "\nCOMPLETED");
  }
  Begin();
  Flush();
  return lost;
}

}  // namespace braid::sim
