#include "cassandra/sstable/index.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/cursor.h"

namespace braid {
namespace {

constexpr uint64_t kBufferBytes = 256 << 10;
// A key of the greatest length with its own, and two vints.
constexpr uint64_t kMaxEntryStartBytes = 2 + 65535 + 2 * kMaxVintBytes;

}  // namespace

Result<bool> IndexReader::Fill(uint64_t bytes) {
  if (at_ >= buffer_start_ && at_ + bytes <= buffer_start_ + buffer_.size()) return true;
  buffer_.resize(std::max(bytes, kBufferBytes));
  ASSIGN_OR_RETURN(const size_t got, index_->ReadAt(at_, buffer_.data(), buffer_.size()));
  buffer_.resize(got);
  buffer_start_ = at_;
  return got > 0;
}

Result<std::optional<uint64_t>> IndexReader::FirstAfter(uint64_t offset) {
  while (!any_ || last_ <= offset) {
    ASSIGN_OR_RETURN(const bool more, Fill(kMaxEntryStartBytes));
    if (!more) return std::optional<uint64_t>();
    Cursor cursor(ByteView(buffer_).substr(at_ - buffer_start_));
    cursor.Skip(cursor.U16());
    const uint64_t position = cursor.Vint();
    const uint64_t rows_bytes = cursor.Vint();
    if (!cursor.ok() || rows_bytes > UINT32_MAX || (any_ && position <= last_)) {
      return Corrupt(fmt::format("{}: offset {}: no index entry", index_->name(), at_));
    }
    at_ += cursor.offset() + rows_bytes;
    last_ = position;
    any_ = true;
  }
  return std::optional<uint64_t>(last_);
}

}  // namespace braid
