// Any bytes as a timeline's files. The first byte says how: 0: the rest is a segment as it stands; 1: it is the index
// of a good one; 2: it says what batches a segment has, which get right checksums, so that what they hold is reached.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/checksum.h"
#include "base/cursor.h"
#include "base/testing/memory_file_system.h"
#include "codec/gap.h"
#include "codec/schema.h"
#include "timeline/format.h"
#include "timeline/reader.h"
#include "timeline/writer.h"

namespace braid {
namespace {

using timeline::Batch;
using timeline::Block;
using timeline::BlockKind;

constexpr const char* kDirectory = "/t";

std::string PathOf(const std::string& name) {
  return std::string(kDirectory) + "/" + name;
}

// Whatever the files hold: numbers rise and stay within the bounds, errors say something, and nothing goes on for ever.
void ReadAll(FileSystem* files) {
  const auto opened = TimelineReader::Open(files, {.directory = kDirectory});
  if (!opened.has_value()) return;
  TimelineReader* reader = opened->get();
  for (int pass = 0; pass < 3; ++pass) {
    if (pass == 1 && !reader->Seek(4).has_value()) continue;
    if (pass == 2 && !reader->SeekTime(3).has_value()) continue;
    uint64_t least = reader->next();
    for (;;) {
      const auto record = reader->Next();
      if (!record.has_value()) {
        CHECK(!record.error().message.empty());
        break;
      }
      if (*record == nullptr) break;
      CHECK((*record)->sequence.n >= least);
      least = (*record)->sequence.n + 1;
      CHECK(reader->next() == least);
    }
  }
}

// A definition for changes to name, and the record of a gap.
std::string GoodRecord(BlockKind kind) {
  std::string record;
  if (kind == BlockKind::kGaps) {
    AppendGap(&record, {.id = 1, .detail = "gap"});
    return record;
  }
  TableSchema schema;
  schema.keyspace = schema.table = "t";
  schema.columns.push_back({.name = "k", .kind = ColumnKind::kPartitionKey, .type = SimpleType(TypeKind::kInt)});
  AppendTableSchema(&record, schema);
  return record;
}

Batch NextBatch(Cursor* from, uint64_t offset, uint64_t first, std::string* stored) {
  Batch batch;
  batch.first = first + from->U8() / 200;
  batch.records = from->U8() % 16;
  batch.emitted_us = static_cast<int8_t>(from->U8());
  batch.definitions_at = from->U8() < 128 ? 0 : from->U8();
  for (int count = from->U8() % 5; count > 0; --count) {
    const uint8_t head = from->U8();
    Block block;
    block.kind = static_cast<BlockKind>(1 + head % 3);
    block.compressed = (head & 0x80) != 0;
    block.records = from->U8() % 16;
    block.first_record = from->U8() % 16;
    block.raw_bytes = from->U16();
    const bool good = (head & 0x40) != 0;
    std::string bytes = good ? GoodRecord(block.kind) : std::string(from->Bytes(from->U8()));
    if (good && block.kind == BlockKind::kGaps) {
      const std::string record = bytes;
      bytes.clear();
      timeline::AppendRecord(&bytes, from->U8() / 200, record);
    }
    block.stored_bytes = static_cast<uint32_t>(bytes.size());
    block.crc = Crc32c(0, bytes);
    stored->append(bytes);
    batch.blocks.push_back(block);
  }
  batch.offset = offset;
  return batch;
}

std::string BuiltSegment(ByteView bytes) {
  Cursor from(bytes);
  std::string segment = timeline::EncodeSegmentHeader({0, 1, 1});
  for (uint64_t n = 1; from.ok() && !from.AtEnd();) {
    std::string stored;
    const Batch batch = NextBatch(&from, segment.size(), n, &stored);
    segment += timeline::EncodeBatchHead(batch) + stored;
    n += batch.records;
  }
  return segment;
}

void ReadSegment(const std::string& segment) {
  MemoryFileSystem files;
  CHECK(files.MakeDirectory(kDirectory).has_value());
  CHECK(files.ReplaceFile(PathOf(timeline::SegmentName(1)), segment).has_value());
  for (const uint64_t end : {uint64_t{2}, uint64_t{7}, uint64_t{1} << 62}) {
    const std::string committed = timeline::EncodeCommitted({.epoch = 1, .end = end});
    CHECK(files.ReplaceFile(PathOf(timeline::kCommittedName), committed).has_value());
    ReadAll(&files);
  }
  const auto writer = TimelineWriter::Open(&files, {.directory = kDirectory}, 5);
  if (writer.has_value()) {
    ReadAll(&files);
  } else {
    CHECK(!writer.error().message.empty());
  }
}

void ReadIndex(const std::string& index) {
  MemoryFileSystem files;
  auto writer = *TimelineWriter::Open(&files, {.directory = kDirectory}, 1);
  for (uint64_t n = 1; n < 9; ++n) {
    writer->Append(Gap{.id = n});
    CHECK(writer->Sync(static_cast<int64_t>(n)).has_value());
  }
  CHECK(writer->Publish().has_value());
  CHECK(files.ReplaceFile(PathOf(timeline::IndexName(1)), index).has_value());
  const auto reader = *TimelineReader::Open(&files, {.directory = kDirectory});
  CHECK(reader->Seek(5).has_value());
  const auto record = reader->Next();
  CHECK(record.has_value() && *record != nullptr && (*record)->gap->id == 5);
  CHECK(reader->SeekTime(3).has_value() && reader->next() == 3);
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      braid::ReadSegment(bytes);
      break;
    case 1:
      braid::ReadIndex(bytes);
      break;
    default:
      braid::ReadSegment(braid::BuiltSegment(bytes));
  }
  return 0;
}
