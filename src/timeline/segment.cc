#include "timeline/segment.h"

#include <fmt/format.h>
#include <lz4.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/checksum.h"
#include "codec/schema.h"

namespace braid::timeline {
namespace {

// How often the committed file is read before it counts as damaged.
constexpr int kCommittedLooks = 100;

// An index larger than this (of a segment of 8 TiB) is none.
constexpr uint64_t kMaxIndexBytes = uint64_t{4} << 30;

}  // namespace

Result<std::vector<uint64_t>> ListSegments(FileSystem* files, const std::string& directory) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(directory));
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    if (const auto number = SegmentNumber(name)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

Result<Committed> ReadCommitted(FileSystem* files, const std::string& directory) {
  const std::string path = directory + "/" + kCommittedName;
  Result<Committed> committed = Corrupt("");
  for (int look = 0; look < kCommittedLooks; ++look) {
    ASSIGN_OR_RETURN(const auto source, files->OpenForRead(path));
    char bytes[kCommittedBytes];
    ASSIGN_OR_RETURN(const size_t got, source->ReadAt(0, bytes, sizeof(bytes)));
    committed = DecodeCommitted({bytes, got});
    if (committed.has_value()) return committed;
    if (committed.error().code != ErrorCode::kCorrupt) break;
  }
  if (committed.error().code == ErrorCode::kCorrupt) {
    return Corrupt(fmt::format("{}: {}; `braid run` writes it anew when it starts", path, committed.error().message));
  }
  return committed.error().At(path);
}

Result<std::unique_ptr<Segment>> Segment::Open(FileSystem* files, const std::string& directory, uint64_t first,
                                               size_t ahead_bytes) {
  ASSIGN_OR_RETURN(auto source, files->OpenForRead(directory + "/" + SegmentName(first)));
  ASSIGN_OR_RETURN(auto segment, Open(std::move(source), ahead_bytes));
  if (segment->header_.first != first) {
    return Corrupt(fmt::format("{}: at offset 0: says that its first record is {}: was it renamed?", segment->name(),
                               segment->header_.first));
  }
  segment->files_ = files;
  segment->index_path_ = directory + "/" + IndexName(first);
  return segment;
}

Result<std::unique_ptr<Segment>> Segment::Open(std::unique_ptr<ByteSource> source, size_t ahead_bytes) {
  std::unique_ptr<Segment> segment(new Segment(std::move(source), ahead_bytes));
  TRY(segment->ReadHeader());
  return segment;
}

Status Segment::ReadHeader() {
  char bytes[kSegmentHeaderBytes];
  ASSIGN_OR_RETURN(const size_t got, source_->ReadAt(0, bytes, sizeof(bytes)));
  auto header = DecodeSegmentHeader({bytes, got});
  if (!header.has_value()) return At(0, header.error());
  header_ = *header;
  return {};
}

Error Segment::At(uint64_t offset, const Error& error) const {
  return error.At(fmt::format("{}: at offset {}", source_->name(), offset));
}

Result<ByteView> Segment::View(uint64_t offset, uint64_t size) {
  if (offset < window_offset_ || offset + size > window_offset_ + window_.size()) {
    uint64_t wanted = ahead_bytes_;
    if (size > wanted) {
      // Believed only as far as the file goes.
      ASSIGN_OR_RETURN(const uint64_t file_size, source_->Size());
      if (offset > file_size || size > file_size - offset) {
        return At(offset, Corrupt(fmt::format("the file ends within the {} bytes that stand here", size)));
      }
      wanted = size;
    }
    window_.resize(wanted);
    window_offset_ = offset;
    const auto got = source_->ReadAt(offset, window_.data(), window_.size());
    window_.resize(got.has_value() ? *got : 0);
    TRY(got);
    if (window_.size() < size) {
      return At(offset, Corrupt(fmt::format("the file ends within the {} bytes that stand here", size)));
    }
  }
  return ByteView(window_).substr(offset - window_offset_, size);
}

Result<Batch> Segment::ReadBatch(uint64_t offset) {
  ASSIGN_OR_RETURN(const ByteView head, View(offset, kBatchHeadBytes));
  auto batch = DecodeBatchHead(head, offset);
  if (!batch.has_value()) return At(offset, batch.error());
  ASSIGN_OR_RETURN(const ByteView directory, View(offset, kBatchHeadBytes + uint64_t{batch->directory_bytes}));
  const Status decoded = DecodeDirectory(directory, &*batch);
  if (!decoded.has_value()) return At(offset, decoded.error());
  return batch;
}

Result<ByteView> Segment::ReadBlock(const Block& block, std::string* buffer) {
  ASSIGN_OR_RETURN(const ByteView stored, View(block.offset, block.stored_bytes));
  if (Crc32c(0, stored) != block.crc) return At(block.offset, Corrupt("the checksum of a block is wrong"));
  if (!block.compressed) {
    buffer->assign(stored);
    return ByteView(*buffer);
  }
  constexpr uint32_t kMost = std::numeric_limits<int>::max();
  if (block.stored_bytes > kMost || block.raw_bytes > kMost) {
    return At(block.offset, Corrupt("a compressed block is too large"));
  }
  buffer->resize(block.raw_bytes);
  const int size = LZ4_decompress_safe(stored.data(), buffer->data(), static_cast<int>(stored.size()),
                                       static_cast<int>(buffer->size()));
  if (size < 0 || static_cast<uint32_t>(size) != block.raw_bytes) {
    return At(block.offset, Corrupt("a block cannot be decompressed"));
  }
  return ByteView(*buffer);
}

Result<TableSchemaPtr> Segment::ReadDefinition(const Block& block) {
  std::string buffer;
  ASSIGN_OR_RETURN(const ByteView bytes, ReadBlock(block, &buffer));
  auto schema = DecodeTableSchema(bytes);
  if (!schema.has_value()) return At(block.offset, schema.error());
  return schema;
}

template <typename IsBefore>
Result<Batch> Segment::LastIndexed(IsBefore is_before) {
  if (files_ != nullptr) {
    const auto index = files_->OpenForRead(index_path_);
    const auto bytes = index.has_value() ? ReadAll(**index, kMaxIndexBytes) : Result<std::string>("");
    const std::vector<IndexEntry> entries = DecodeIndex(bytes.has_value() ? *bytes : "");
    const auto after = std::ranges::partition_point(entries, is_before);
    if (after != entries.begin()) {
      const IndexEntry& entry = *std::prev(after);
      auto batch = ReadBatch(entry.offset);
      if (batch.has_value() && batch->first == entry.first && batch->emitted_us == entry.emitted_us) return batch;
    }
  }
  // Without an index, or with a wrong one, all batches from the first on are looked at.
  return ReadBatch(kSegmentHeaderBytes);
}

Result<Batch> Segment::BatchNear(uint64_t n) {
  return LastIndexed([n](const IndexEntry& entry) { return entry.first <= n; });
}

Result<Batch> Segment::BatchNearTime(int64_t time_us) {
  return LastIndexed([time_us](const IndexEntry& entry) { return entry.emitted_us < time_us; });
}

}  // namespace braid::timeline
