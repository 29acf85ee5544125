#include "cassandra/sstable/index.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/cursor.h"
#include "cassandra/murmur3/murmur3.h"

namespace braid {
namespace {

constexpr uint64_t kBufferBytes = 64 << 10;
constexpr uint64_t kMaxKeyBytes = 65535;
// A key of the greatest length with its own, and two vints.
constexpr uint64_t kMaxEntryStartBytes = 2 + kMaxKeyBytes + 2 * kMaxVintBytes;

// Of Summary.db: interval, number of entries, bytes of the offsets and entries, sampling level, entries at full level.
constexpr uint64_t kSummaryHeaderBytes = 24;

uint32_t LittleEndian32(const char* from) {
  return __builtin_bswap32(LoadBigEndian<uint32_t>(from));
}

// The first and the last key stand at the end, each behind an i32 length.
std::optional<TokenRange> ReadBoundKeys(const ByteSource& summary, uint64_t at) {
  const std::string bytes = ReadSome(summary, at, 2 * (sizeof(int32_t) + kMaxKeyBytes));
  Cursor cursor(bytes);
  const ByteView first = cursor.Bytes(cursor.U32());
  const ByteView last = cursor.Bytes(cursor.U32());
  if (!cursor.ok()) return std::nullopt;
  return RangeOfKeys(first, last);
}

}  // namespace

std::string ReadSome(const ByteSource& source, uint64_t offset, uint64_t size) {
  std::string bytes(size, '\0');
  const Result<size_t> got = source.ReadAt(offset, bytes.data(), bytes.size());
  bytes.resize(got.has_value() ? *got : 0);
  return bytes;
}

Result<bool> IndexReader::Fill(uint64_t bytes) {
  if (at_ >= buffer_start_ && at_ + bytes <= buffer_start_ + buffer_.size()) return true;
  buffer_.resize(std::max(bytes, kBufferBytes));
  ASSIGN_OR_RETURN(const size_t got, index_->ReadAt(at_, buffer_.data(), buffer_.size()));
  buffer_.resize(got);
  buffer_start_ = at_;
  return got > 0;
}

Result<std::optional<IndexReader::Entry>> IndexReader::Next() {
  // Most entries are short, and stand whole in what is there.
  for (const uint64_t enough : {uint64_t{256}, kMaxEntryStartBytes}) {
    ASSIGN_OR_RETURN(const bool more, Fill(enough));
    if (!more) return std::optional<Entry>();
    Cursor cursor(ByteView(buffer_).substr(at_ - buffer_start_));
    Entry entry;
    entry.key = cursor.Bytes(cursor.U16());
    entry.offset = cursor.Vint();
    const uint64_t rows_bytes = cursor.Vint();
    if (!cursor.ok() && enough < kMaxEntryStartBytes) continue;
    if (!cursor.ok() || rows_bytes > UINT32_MAX || (any_ && entry.offset <= last_)) break;
    at_ += cursor.offset() + rows_bytes;
    last_ = entry.offset;
    any_ = true;
    return std::optional<Entry>(entry);
  }
  return Corrupt(fmt::format("{}: offset {}: no index entry", index_->name(), at_));
}

Result<std::optional<PartitionPlace>> IndexReader::FirstAfter(uint64_t offset) {
  while (!any_ || last_ <= offset) {
    ASSIGN_OR_RETURN(const std::optional<Entry> entry, Next());
    if (!entry.has_value()) return std::optional<PartitionPlace>();
    last_key_ = entry->key;
  }
  return std::optional<PartitionPlace>({.offset = last_, .key = last_key_, .token_prefix = {}});
}

IndexSummary ReadIndexSummary(const ByteSource& summary) {
  IndexSummary result;
  const std::string start = ReadSome(summary, 0, kSummaryHeaderBytes);
  Cursor header(start);
  header.Skip(4);
  const uint64_t count = header.U32();
  const uint64_t body_bytes = header.U64();
  const Result<uint64_t> file_bytes = summary.Size();
  if (!header.ok() || !file_bytes.has_value() || body_bytes > *file_bytes || count > body_bytes / sizeof(uint32_t)) {
    return result;
  }
  result.tokens = ReadBoundKeys(summary, kSummaryHeaderBytes + body_bytes);
  const uint64_t samples = std::min(count, IndexSummary::kMaxSamples);
  for (uint64_t i = 0; i < samples; ++i) {
    // Offsets count from the end of the header. An entry ends where the next one begins.
    const uint64_t index = i * count / samples;
    const std::string places = ReadSome(summary, kSummaryHeaderBytes + index * 4, 8);
    if (places.size() < 8) break;
    const uint64_t from = LittleEndian32(places.data());
    const uint64_t to = index + 1 < count ? LittleEndian32(places.data() + 4) : body_bytes;
    if (from + sizeof(uint64_t) > to || to > body_bytes || to - from > kMaxKeyBytes + sizeof(uint64_t)) break;
    const std::string entry = ReadSome(summary, kSummaryHeaderBytes + from, to - from);
    if (entry.size() != to - from) break;
    const size_t key_bytes = entry.size() - sizeof(uint64_t);
    result.samples.push_back({.token = Murmur3Token(ByteView(entry).substr(0, key_bytes)),
                              .index_offset = __builtin_bswap64(LoadBigEndian<uint64_t>(entry.data() + key_bytes))});
  }
  return result;
}

std::optional<PartitionPlace> FloorInIndex(const ByteSource& index, const IndexSummary& summary, Token token) {
  const auto behind = std::upper_bound(summary.samples.begin(), summary.samples.end(), token,
                                       [](Token t, const IndexSummary::Sample& sample) { return t < sample.token; });
  IndexReader reader(&index);
  if (behind != summary.samples.begin()) {
    const IndexSummary::Sample& sample = *(behind - 1);
    IndexReader from_sample(&index, sample.index_offset);
    const auto entry = from_sample.Next();
    if (entry.has_value() && entry->has_value() && Murmur3Token((*entry)->key) == sample.token) {
      reader = IndexReader(&index, sample.index_offset);
    }
  }
  std::optional<PartitionPlace> floor;
  std::string key;
  uint64_t offset = 0;
  bool any = false;
  for (;;) {
    const auto entry = reader.Next();
    if (!entry.has_value() || !entry->has_value() || token < Murmur3Token((*entry)->key)) break;
    key = (*entry)->key;
    offset = (*entry)->offset;
    any = true;
  }
  if (any) floor = PartitionPlace{.offset = offset, .key = std::move(key), .token_prefix = {}};
  return floor;
}

}  // namespace braid
