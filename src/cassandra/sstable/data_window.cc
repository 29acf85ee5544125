#include "cassandra/sstable/data_window.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace braid {

Status DataWindow::Fill(uint64_t bytes) {
  const uint64_t wanted = std::min(bytes, remaining());
  if (view().size() >= wanted) return {};
  const uint64_t loaded_to = buffer_start_ + filled_;
  const uint64_t target = std::min(position() + std::max(wanted, step_bytes_), chunks_->length());

  const ByteView left = view();
  const uint64_t chunk_bytes = chunks_->chunk_bytes();
  uint64_t chunk = loaded_to / chunk_bytes;
  // After MoveTo into the middle of a chunk nothing is loaded yet: the chunk's beginning is passed over below.
  const size_t before = loaded_to % chunk_bytes;
  CHECK(before == 0 || left.empty());
  std::string next = std::move(spare_);
  const size_t most = target - position() + before + chunk_bytes;
  if (next.size() < most) next.resize(most);
  if (!left.empty()) std::memcpy(next.data(), left.data(), left.size());
  size_t filled = left.size();
  Status status;
  while (position() + filled - before < target) {
    status = chunks_->Read(chunk, next.data() + filled);
    if (!status.has_value()) break;
    filled += chunks_->RawBytes(chunk++);
  }

  const uint64_t start = position() - before;
  if (filled_ > 0) passed_.push_back(std::move(buffer_));
  buffer_ = std::move(next);
  buffer_start_ = start;
  filled_ = filled;
  consumed_ = std::min(before, filled_);
  if (status.has_value() || view().size() >= wanted) return {};
  // Nothing of the chunk was taken: stand where MoveTo put us.
  if (filled_ < before) MoveTo(start + before);
  return status;
}

void DataWindow::MoveTo(uint64_t position) {
  CHECK(position <= chunks_->length());
  filled_ = 0;
  passed_.clear();
  buffer_start_ = position;
  consumed_ = 0;
}

void DataWindow::ReleasePassed() {
  spare_ = std::move(passed_.front());
  passed_.clear();
}

}  // namespace braid
