#include "cassandra/sstable/chunk_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/checksum.h"
#include "base/cursor.h"

namespace braid {
namespace {

constexpr uint64_t kCrcBytes = 4;
// Cassandra's default is 16 KiB, and larger chunks than a megabyte make no sense; the limit is for damaged files.
constexpr int64_t kMaxChunkBytes = 64 << 20;
// What goes before the chunk table: a class name and a handful of options.
constexpr size_t kMaxInfoHeaderBytes = 1 << 16;
constexpr uint64_t kPageEntries = 4096;

struct CompressionHeader {
  std::string_view class_name;
  int32_t chunk_bytes = 0;
  int32_t max_compressed_bytes = 0;
  int64_t length = 0;
  int32_t chunks = 0;
};

CompressionHeader ReadCompressionHeader(Cursor* from) {
  CompressionHeader header;
  header.class_name = from->Bytes(from->U16());
  const int32_t options = from->I32();
  if (options < 0) from->Fail("a negative number of options");
  for (int32_t i = 0; i < options && from->ok(); ++i) {
    from->Skip(from->U16());
    from->Skip(from->U16());
  }
  header.chunk_bytes = from->I32();
  header.max_compressed_bytes = from->I32();
  header.length = from->I64();
  header.chunks = from->I32();
  if (!from->ok()) return header;
  if (header.chunk_bytes <= 0 || header.chunk_bytes > kMaxChunkBytes) from->Fail("an impossible chunk length");
  if (header.max_compressed_bytes < 0) from->Fail("an impossible maximal compressed length");
  if (header.length < 0 || header.chunks < 0) from->Fail("a negative length or number of chunks");
  return header;
}

Result<std::string> ReadStart(const ByteSource& source, size_t bytes) {
  std::string start(bytes, '\0');
  ASSIGN_OR_RETURN(const size_t got, source.ReadAt(0, start.data(), start.size()));
  start.resize(got);
  return start;
}

}  // namespace

Result<std::unique_ptr<ChunkReader>> ChunkReader::OpenCompressed(const ByteSource* data, const ByteSource* info) {
  std::unique_ptr<ChunkReader> reader(new ChunkReader(data, info));
  ASSIGN_OR_RETURN(reader->file_bytes_, data->Size());
  ASSIGN_OR_RETURN(const uint64_t info_bytes, info->Size());
  ASSIGN_OR_RETURN(const std::string start, ReadStart(*info, kMaxInfoHeaderBytes));
  Cursor cursor(start);
  const CompressionHeader header = ReadCompressionHeader(&cursor);
  if (!cursor.ok()) {
    return Corrupt(fmt::format("{}: offset {}: {}", info->name(), cursor.failed_offset(), cursor.reason()));
  }
  Result<Compression> compression = CompressionOfClass(header.class_name);
  if (!compression.has_value()) return compression.error().At(info->name());
  reader->decompressor_.emplace(*compression);
  reader->length_ = static_cast<uint64_t>(header.length);
  reader->chunk_bytes_ = static_cast<uint64_t>(header.chunk_bytes);
  reader->max_compressed_bytes_ = static_cast<uint64_t>(header.max_compressed_bytes);
  reader->table_offset_ = cursor.offset();
  reader->table_entries_ = static_cast<uint64_t>(header.chunks);
  // Cassandra often ends a file with one chunk more than it needs, of no bytes.
  const uint64_t needed = reader->chunk_count();
  const uint64_t listed = (info_bytes - cursor.offset()) / sizeof(uint64_t);
  if (reader->table_entries_ < needed || reader->table_entries_ - needed > 1 || reader->table_entries_ != listed ||
      (info_bytes - cursor.offset()) % sizeof(uint64_t) != 0) {
    return Corrupt(fmt::format("{}: claims {} chunks of {} bytes for {} bytes of data, and lists {}", info->name(),
                               header.chunks, header.chunk_bytes, header.length, listed));
  }
  return reader;
}

Result<std::unique_ptr<ChunkReader>> ChunkReader::OpenPlain(const ByteSource* data, const ByteSource* crc) {
  std::unique_ptr<ChunkReader> reader(new ChunkReader(data, crc));
  ASSIGN_OR_RETURN(reader->file_bytes_, data->Size());
  ASSIGN_OR_RETURN(const uint64_t crc_bytes, crc->Size());
  ASSIGN_OR_RETURN(const std::string start, ReadStart(*crc, sizeof(int32_t)));
  Cursor cursor(start);
  const int32_t chunk_bytes = cursor.I32();
  if (!cursor.ok() || chunk_bytes <= 0 || chunk_bytes > kMaxChunkBytes) {
    return Corrupt(fmt::format("{}: offset 0: an impossible chunk length", crc->name()));
  }
  reader->length_ = reader->file_bytes_;
  reader->chunk_bytes_ = static_cast<uint64_t>(chunk_bytes);
  reader->table_offset_ = sizeof(int32_t);
  reader->table_entries_ = (crc_bytes - sizeof(int32_t)) / kCrcBytes;
  if (reader->table_entries_ != reader->chunk_count() || (crc_bytes - sizeof(int32_t)) % kCrcBytes != 0) {
    return Corrupt(fmt::format("{}: has checksums for {} chunks of {} bytes, but {} has {} bytes", crc->name(),
                               reader->table_entries_, chunk_bytes, data->name(), reader->length_));
  }
  return reader;
}

std::unique_ptr<ChunkReader> ChunkReader::Clone(uint64_t read_ahead_bytes) const {
  std::unique_ptr<ChunkReader> reader(new ChunkReader(data_, table_));
  if (decompressor_) reader->decompressor_.emplace(decompressor_->compression());
  reader->file_bytes_ = file_bytes_;
  reader->length_ = length_;
  reader->chunk_bytes_ = chunk_bytes_;
  reader->max_compressed_bytes_ = max_compressed_bytes_;
  reader->table_offset_ = table_offset_;
  reader->table_entries_ = table_entries_;
  reader->read_ahead_bytes_ = read_ahead_bytes;
  return reader;
}

Result<uint64_t> ChunkReader::TableEntry(uint64_t index) {
  if (index < page_first_ || index >= page_first_ + page_.size()) {
    const size_t width = decompressor_ ? sizeof(uint64_t) : kCrcBytes;
    const uint64_t first = index / kPageEntries * kPageEntries;
    std::string bytes(std::min(kPageEntries, table_entries_ - first) * width, '\0');
    ASSIGN_OR_RETURN(const size_t got, table_->ReadAt(table_offset_ + first * width, bytes.data(), bytes.size()));
    if (got != bytes.size()) return Corrupt(fmt::format("{}: has become shorter", table_->name()));
    Cursor cursor(bytes);
    page_.clear();
    page_first_ = first;
    while (!cursor.AtEnd()) page_.push_back(decompressor_ ? cursor.U64() : cursor.U32());
  }
  return page_[index - page_first_];
}

Result<ChunkReader::Stored> ChunkReader::Locate(uint64_t index) {
  ASSIGN_OR_RETURN(const uint64_t entry, TableEntry(index));
  if (!decompressor_) {
    return Stored{.offset = index * chunk_bytes_, .bytes = RawBytes(index), .crc = static_cast<uint32_t>(entry)};
  }
  uint64_t end = file_bytes_;
  if (index + 1 < table_entries_) {
    ASSIGN_OR_RETURN(end, TableEntry(index + 1));
  }
  // A compressed chunk is never much larger than what was compressed: longer ones would have been stored raw, and what
  // the compressors add to incompressible bytes is a few bytes in a thousand.
  const uint64_t most = chunk_bytes_ + chunk_bytes_ / 8 + 1024 + kCrcBytes;
  if (entry >= end || end > file_bytes_ || end - entry <= kCrcBytes || end - entry > most) {
    return Damaged(index, entry, fmt::format("{} places it at {} to {}", table_->name(), entry, end));
  }
  return Stored{.offset = entry, .bytes = end - entry - kCrcBytes, .crc = 0};
}

Error ChunkReader::Damaged(uint64_t index, uint64_t stored_offset, const std::string& what) const {
  const uint64_t first = index * chunk_bytes_;
  return Corrupt(fmt::format("{}: offset {}: chunk {}: {}; uncompressed bytes {} to {} are lost", name(), stored_offset,
                             index, what, first, first + RawBytes(index)));
}

Status ChunkReader::Append(uint64_t index, std::string* to) {
  const size_t before = to->size();
  to->resize(before + RawBytes(index));
  Status status = Read(index, to->data() + before);
  if (!status.has_value()) to->resize(before);
  return status;
}

Result<ByteView> ChunkReader::StoredBytes(const Stored& stored) {
  const uint64_t want = stored.bytes + kCrcBytes;
  const uint64_t end = stored.offset + want;
  if (stored.offset < ahead_start_ || end > ahead_start_ + ahead_.size()) {
    const bool goes_on = stored.offset == next_offset_;
    ahead_.resize(goes_on ? std::max(want, read_ahead_bytes_) : want);
    ahead_start_ = stored.offset;
    Result<size_t> got = data_->ReadAt(stored.offset, ahead_.data(), ahead_.size());
    // What lies ahead may be where the disk fails: this chunk need not be.
    if (!got.has_value() && ahead_.size() > want) got = data_->ReadAt(stored.offset, ahead_.data(), want);
    ahead_.resize(got.has_value() ? *got : 0);
    if (!got.has_value()) return got.error();
  }
  next_offset_ = end;
  return ByteView(ahead_).substr(stored.offset - ahead_start_, want);
}

Status ChunkReader::ReadPlain(uint64_t index, const Stored& stored, char* to) {
  ASSIGN_OR_RETURN(const size_t got, data_->ReadAt(stored.offset, to, stored.bytes));
  if (got != stored.bytes) return Damaged(index, stored.offset, "the file ends too early");
  if (Crc32(0, {to, got}) != stored.crc) return Damaged(index, stored.offset, "the checksum does not match");
  return {};
}

Status ChunkReader::Read(uint64_t index, char* to) {
  ASSIGN_OR_RETURN(const Stored stored, Locate(index));
  if (!decompressor_) return ReadPlain(index, stored, to);
  ASSIGN_OR_RETURN(const ByteView all, StoredBytes(stored));
  if (all.size() != stored.bytes + kCrcBytes) return Damaged(index, stored.offset, "the file ends too early");
  const ByteView bytes = all.substr(0, stored.bytes);
  if (Crc32(0, bytes) != LoadBigEndian<uint32_t>(all.data() + stored.bytes)) {
    return Damaged(index, stored.offset, "the checksum does not match");
  }
  const uint64_t raw_bytes = RawBytes(index);
  if (stored.bytes >= max_compressed_bytes_) {
    // Bytes that did not compress well enough; a short last chunk is padded with zeros.
    if (stored.bytes < raw_bytes) return Damaged(index, stored.offset, "it is stored with too few bytes");
    std::memcpy(to, bytes.data(), raw_bytes);
    return {};
  }
  Result<uint64_t> limit = decompressor_->RawLengthLimit(bytes);
  if (!limit.has_value()) return Damaged(index, stored.offset, limit.error().message);
  if (*limit < raw_bytes) {
    return Damaged(index, stored.offset, fmt::format("it cannot hold the {} bytes that it should", raw_bytes));
  }
  const Result<size_t> made = decompressor_->Decompress(bytes, to, raw_bytes);
  if (made.has_value() && *made == raw_bytes) return {};
  return Damaged(
      index, stored.offset,
      made.has_value() ? fmt::format("it holds {} bytes instead of {}", *made, raw_bytes) : made.error().message);
}

}  // namespace braid
