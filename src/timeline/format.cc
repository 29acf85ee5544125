#include "timeline/format.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "base/check.h"
#include "base/checksum.h"
#include "base/cursor.h"
#include "base/vint.h"
#include "codec/version.h"

namespace braid::timeline {
namespace {

constexpr uint8_t kVersion = 1;
constexpr ByteView kSegmentMagic = "BRTL";
constexpr ByteView kCommittedMagic = "BRTC";
constexpr size_t kNumberDigits = 20;
constexpr std::string_view kSegmentSuffix = ".tl";
constexpr size_t kCrcBytes = 4;

constexpr uint8_t kCompressed = 0x80;
// A directory entry takes at least this much.
constexpr size_t kLeastEntryBytes = 8;
// LZ4 makes at most this much of a byte.
constexpr uint64_t kMostExpansion = 255;

void AppendMagic(std::string* to, ByteView magic) {
  to->append(magic);
  to->push_back(static_cast<char>(kVersion));
  to->append(3, '\0');
}

void AppendCrc(std::string* to) {
  AppendBigEndian(to, Crc32c(0, *to));
}

// A small record of fixed size: magic, version, 3 zeros, …, CRC-32C of all before it.
Status OpenRecord(Cursor* from, ByteView bytes, ByteView magic, size_t size, const char* what) {
  TRY(ReadMagic(from, magic, kVersion, what));
  if (bytes.size() < size) return Corrupt(fmt::format("{}: has {} bytes of {}", what, bytes.size(), size));
  const uint32_t crc = LoadBigEndian<uint32_t>(bytes.data() + size - kCrcBytes);
  if (crc != Crc32c(0, bytes.substr(0, size - kCrcBytes))) {
    return Corrupt(fmt::format("{}: its checksum is wrong", what));
  }
  from->Skip(3);
  return {};
}

uint32_t Small(Cursor* from) {
  const uint64_t value = from->Vint();
  if (value > std::numeric_limits<uint32_t>::max()) from->Fail("a number is too large");
  return static_cast<uint32_t>(value);
}

void AppendBlock(std::string* to, const Block& block) {
  to->push_back(static_cast<char>(static_cast<uint8_t>(block.kind) | (block.compressed ? kCompressed : 0)));
  AppendBigEndian(to, block.crc);
  AppendVint(to, block.stored_bytes);
  if (block.compressed) AppendVint(to, block.raw_bytes);
  if (block.kind != BlockKind::kGaps) to->append(block.table.view());
  if (block.kind == BlockKind::kDefinition) return;
  AppendVint(to, block.records);
  AppendVint(to, block.first_record);
}

Block ReadBlock(Cursor* from) {
  Block block;
  const uint8_t head = from->U8();
  const uint8_t kind = head & ~kCompressed;
  if (kind < static_cast<uint8_t>(BlockKind::kDefinition) || kind > static_cast<uint8_t>(BlockKind::kGaps)) {
    from->Fail("there is no such kind of block");
  }
  block.kind = static_cast<BlockKind>(kind);
  block.compressed = (head & kCompressed) != 0;
  block.crc = from->U32();
  block.stored_bytes = Small(from);
  block.raw_bytes = block.compressed ? Small(from) : block.stored_bytes;
  if (block.raw_bytes > kMostExpansion * block.stored_bytes) from->Fail("a block cannot hold so much");
  if (block.kind != BlockKind::kGaps) {
    const ByteView table = from->Bytes(block.table.bytes.size());
    if (from->ok()) block.table = TableId::FromBytes(table);
  }
  if (block.kind != BlockKind::kDefinition) {
    block.records = Small(from);
    block.first_record = Small(from);
  }
  return block;
}

// What the blocks must be for the batch to be whole.
Status CheckBlocks(const Batch& batch) {
  uint64_t offset = batch.offset + kBatchHeadBytes + batch.directory_bytes;
  uint64_t records = 0;
  for (const Block& block : batch.blocks) {
    offset += block.stored_bytes;
    records += block.records;
    if (block.kind == BlockKind::kDefinition) continue;
    if (block.records == 0 || uint64_t{block.first_record} + block.records > batch.records) {
      return Corrupt("a block's records are not among the batch's");
    }
  }
  if (offset != batch.end_offset()) return Corrupt("the blocks do not fill the batch");
  if (records != batch.records) return Corrupt("the blocks do not hold the batch's records");
  return {};
}

}  // namespace

std::string SegmentName(uint64_t first) {
  return fmt::format("{:020}.tl", first);
}

std::string IndexName(uint64_t first) {
  return fmt::format("{:020}.idx", first);
}

std::optional<uint64_t> SegmentNumber(std::string_view name) {
  if (name.size() != kNumberDigits + kSegmentSuffix.size() || !name.ends_with(kSegmentSuffix)) return std::nullopt;
  uint64_t number = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + kNumberDigits, number);
  if (parsed.ec != std::errc() || parsed.ptr != name.data() + kNumberDigits || number == 0) return std::nullopt;
  return number;
}

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string bytes;
  AppendMagic(&bytes, kSegmentMagic);
  AppendBigEndian(&bytes, header.partition);
  AppendBigEndian(&bytes, header.epoch);
  AppendBigEndian(&bytes, header.first);
  AppendCrc(&bytes);
  CHECK(bytes.size() == kSegmentHeaderBytes);
  return bytes;
}

Result<SegmentHeader> DecodeSegmentHeader(ByteView bytes) {
  Cursor from(bytes);
  TRY(OpenRecord(&from, bytes, kSegmentMagic, kSegmentHeaderBytes, "timeline segment"));
  SegmentHeader header;
  header.partition = from.U32();
  header.epoch = from.U64();
  header.first = from.U64();
  return header;
}

std::string EncodeCommitted(const Committed& committed) {
  std::string bytes;
  AppendMagic(&bytes, kCommittedMagic);
  AppendBigEndian(&bytes, committed.partition);
  AppendBigEndian(&bytes, committed.epoch);
  AppendBigEndian(&bytes, committed.first);
  AppendBigEndian(&bytes, committed.end);
  AppendCrc(&bytes);
  CHECK(bytes.size() == kCommittedBytes);
  return bytes;
}

Result<Committed> DecodeCommitted(ByteView bytes) {
  Cursor from(bytes);
  TRY(OpenRecord(&from, bytes, kCommittedMagic, kCommittedBytes, "committed end"));
  Committed committed;
  committed.partition = from.U32();
  committed.epoch = from.U64();
  committed.first = from.U64();
  committed.end = from.U64();
  return committed;
}

std::string EncodeBatchHead(const Batch& batch) {
  std::string directory;
  uint64_t blocks = 0;
  AppendVint(&directory, batch.blocks.size());
  for (const Block& block : batch.blocks) {
    AppendBlock(&directory, block);
    blocks += block.stored_bytes;
  }
  const uint64_t total = kBatchHeadBytes + directory.size() + blocks;
  CHECK(total <= std::numeric_limits<uint32_t>::max());
  std::string bytes;
  bytes.reserve(kBatchHeadBytes + directory.size());
  AppendBigEndian(&bytes, static_cast<uint32_t>(total));
  AppendBigEndian(&bytes, static_cast<uint32_t>(directory.size()));
  AppendBigEndian(&bytes, batch.first);
  AppendBigEndian(&bytes, batch.records);
  AppendBigEndian(&bytes, batch.emitted_us);
  AppendBigEndian(&bytes, batch.definitions_at);
  AppendBigEndian(&bytes, Crc32c(Crc32c(0, bytes), directory));
  return bytes + directory;
}

Result<Batch> DecodeBatchHead(ByteView head, uint64_t offset) {
  Cursor from(head);
  Batch batch;
  batch.offset = offset;
  batch.bytes = from.U32();
  batch.directory_bytes = from.U32();
  batch.first = from.U64();
  batch.records = from.U32();
  batch.emitted_us = from.I64();
  batch.definitions_at = from.U64();
  from.Skip(kCrcBytes);
  if (!from.ok() || batch.bytes < kBatchHeadBytes || batch.directory_bytes > batch.bytes - kBatchHeadBytes ||
      batch.records == 0 || batch.first == 0 || batch.first > std::numeric_limits<uint64_t>::max() - batch.records ||
      batch.definitions_at >= offset) {
    return Corrupt("there is no batch here");
  }
  return batch;
}

Status DecodeDirectory(ByteView head_and_directory, Batch* batch) {
  constexpr size_t kBeforeCrc = kBatchHeadBytes - kCrcBytes;
  const ByteView directory = head_and_directory.substr(kBatchHeadBytes);
  const uint32_t crc = LoadBigEndian<uint32_t>(head_and_directory.data() + kBeforeCrc);
  if (crc != Crc32c(Crc32c(0, head_and_directory.substr(0, kBeforeCrc)), directory)) {
    return Corrupt("the checksum of a batch's head is wrong");
  }
  Cursor from(directory);
  const uint64_t count = from.Vint();
  if (count > from.remaining() / kLeastEntryBytes) from.Fail("a directory has more blocks than bytes");
  uint64_t offset = batch->offset + kBatchHeadBytes + batch->directory_bytes;
  batch->blocks.clear();
  for (uint64_t i = 0; i < count && from.ok(); ++i) {
    Block& block = batch->blocks.emplace_back(ReadBlock(&from));
    block.offset = offset;
    offset += block.stored_bytes;
  }
  TRY(FinishRecord(&from, "batch's directory"));
  return CheckBlocks(*batch);
}

void AppendRecord(std::string* block, uint64_t skipped, ByteView record) {
  AppendVint(block, skipped);
  AppendVint(block, record.size());
  block->append(record);
}

void AppendIndexEntry(std::string* to, const IndexEntry& entry) {
  std::string bytes;
  AppendBigEndian(&bytes, entry.offset);
  AppendBigEndian(&bytes, entry.first);
  AppendBigEndian(&bytes, entry.emitted_us);
  AppendCrc(&bytes);
  to->append(bytes);
}

std::vector<IndexEntry> DecodeIndex(ByteView bytes) {
  std::vector<IndexEntry> entries;
  for (; bytes.size() >= kIndexEntryBytes; bytes.remove_prefix(kIndexEntryBytes)) {
    Cursor from(bytes);
    const IndexEntry entry{from.U64(), from.U64(), from.I64()};
    if (from.U32() != Crc32c(0, bytes.substr(0, kIndexEntryBytes - kCrcBytes))) break;
    if (!entries.empty() && (entry.offset <= entries.back().offset || entry.first <= entries.back().first)) break;
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace braid::timeline
