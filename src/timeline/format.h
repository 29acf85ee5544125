// The bytes of a timeline's files: pure functions. Layout: docs/formats/timeline.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/schema.h"

namespace braid::timeline {

// "00000000000000000042.tl" and its index, "….idx"; a segment is named by the number of its first record.
std::string SegmentName(uint64_t first);
std::string IndexName(uint64_t first);
// The number in a segment's name; nullopt for any other name.
std::optional<uint64_t> SegmentNumber(std::string_view name);
inline constexpr const char* kCommittedName = "committed";

struct SegmentHeader {
  uint32_t partition = 0;
  uint64_t epoch = 0;
  uint64_t first = 0;
  bool operator==(const SegmentHeader&) const = default;
};
inline constexpr size_t kSegmentHeaderBytes = 32;
std::string EncodeSegmentHeader(const SegmentHeader& header);
// kCorrupt, kUnsupported.
Result<SegmentHeader> DecodeSegmentHeader(ByteView bytes);

// What readers may see: the records from `first` to before `end`.
struct Committed {
  uint32_t partition = 0;
  uint64_t epoch = 0;
  uint64_t first = 1;
  uint64_t end = 1;
  bool operator==(const Committed&) const = default;
};
inline constexpr size_t kCommittedBytes = 40;
std::string EncodeCommitted(const Committed& committed);
Result<Committed> DecodeCommitted(ByteView bytes);

enum class BlockKind : uint8_t {
  kDefinition = 1,  // one table's definition, in codec form
  kChanges = 2,     // Changes of one table
  kGaps = 3,
};

// A run of bytes within a batch that can be read without the others.
struct Block {
  BlockKind kind = BlockKind::kChanges;
  bool compressed = false;    // LZ4
  TableId table;              // of definitions and changes
  uint32_t records = 0;       // of changes and gaps
  uint32_t first_record = 0;  // the number of its first record, counted from the batch's
  uint32_t stored_bytes = 0;
  uint32_t raw_bytes = 0;
  uint32_t crc = 0;     // CRC-32C of the stored bytes
  uint64_t offset = 0;  // in the segment; not in the directory, follows from it
};

// What stands before a batch's blocks.
struct Batch {
  uint64_t offset = 0;  // in the segment; where it was read
  uint32_t bytes = 0;   // all of it, with the head
  uint32_t directory_bytes = 0;
  uint64_t first = 0;  // number of the first record
  uint32_t records = 0;
  int64_t emitted_us = 0;
  // Offset of the last batch before this one in the segment that holds definitions; 0: none does.
  uint64_t definitions_at = 0;
  std::vector<Block> blocks;

  uint64_t end() const { return first + records; }
  uint64_t end_offset() const { return offset + bytes; }
  bool HasDefinitions() const { return !blocks.empty() && blocks.front().kind == BlockKind::kDefinition; }
};
inline constexpr size_t kBatchHeadBytes = 40;

// Head and directory of a batch whose blocks' stored bytes follow; `bytes` and `directory_bytes` are computed.
// CHECKs that the batch takes less than 4 GiB.
std::string EncodeBatchHead(const Batch& batch);
// The head's fields, without blocks. kCorrupt if they cannot be; only with the directory can they be believed.
Result<Batch> DecodeBatchHead(ByteView head, uint64_t offset);
// Checks `head_and_directory` (kBatchHeadBytes + batch->directory_bytes) and fills in the blocks.
Status DecodeDirectory(ByteView head_and_directory, Batch* batch);

// Appends a record to a block of changes or gaps. `skipped` is how many numbers lie between the record before (the
// first of a block: the block's first_record) and this one.
void AppendRecord(std::string* block, uint64_t skipped, ByteView record);

// Where in a segment a batch begins. Only a hint: whoever follows it checks the batch that it finds.
struct IndexEntry {
  uint64_t offset = 0;
  uint64_t first = 0;
  int64_t emitted_us = 0;
};
inline constexpr size_t kIndexEntryBytes = 28;
void AppendIndexEntry(std::string* to, const IndexEntry& entry);
// The entries up to the first that is damaged or out of order.
std::vector<IndexEntry> DecodeIndex(ByteView bytes);

}  // namespace braid::timeline
