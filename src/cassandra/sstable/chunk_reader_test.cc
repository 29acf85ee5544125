#include "cassandra/sstable/chunk_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "cassandra/sstable/sstable_test_util.h"

namespace braid {
namespace {

using testing::HasSubstr;

// "Compressed" by the class that does nothing, in chunks of 4 bytes: 10 bytes, and the empty chunk that Cassandra often
// puts at the end.
struct CompressedFile {
  std::string data;
  std::string info;
};

CompressedFile MakeCompressed(const std::string& class_name = "NoopCompressor", int32_t max_compressed = INT32_MAX) {
  RowBytes data;
  RowBytes offsets;
  for (const char* chunk : {"abcd", "efgh", "ij", ""}) {
    offsets.I64(static_cast<int64_t>(data.bytes().size()));
    data.Raw(chunk).I32(static_cast<int32_t>(Crc32(0, chunk)));
    if (*chunk == '\0') data.Raw("?");  // some bytes
  }
  RowBytes info;
  info.U16(static_cast<uint16_t>(class_name.size())).Raw(class_name);
  info.I32(1).U16(1).Raw("k").U16(2).Raw("vv");  // an option
  info.I32(4).I32(max_compressed).I64(10).I32(4).Raw(offsets.bytes());
  return {.data = data.bytes(), .info = info.bytes()};
}

Result<std::string> ReadCompressed(const CompressedFile& file) {
  const MemorySource data("Data.db", file.data);
  const MemorySource info("CompressionInfo.db", file.info);
  ASSIGN_OR_RETURN(const auto reader, ChunkReader::OpenCompressed(&data, &info));
  std::string all;
  for (uint64_t i = 0; i < reader->chunk_count(); ++i) TRY(reader->Append(i, &all));
  return all;
}

Result<std::string> ReadPlain(const std::string& bytes, const std::string& crc_bytes) {
  const MemorySource data("Data.db", bytes);
  const MemorySource crc("CRC.db", crc_bytes);
  ASSIGN_OR_RETURN(const auto reader, ChunkReader::OpenPlain(&data, &crc));
  std::string all;
  for (uint64_t i = 0; i < reader->chunk_count(); ++i) TRY(reader->Append(i, &all));
  return all;
}

TEST(ChunkReaderTest, ReadsCompressedChunks) {
  EXPECT_EQ(*ReadCompressed(MakeCompressed()), "abcdefghij");
  EXPECT_EQ(*ReadCompressed(MakeCompressed("org.apache.cassandra.io.compress.NoopCompressor")), "abcdefghij");
}

// A source whose disk fails from some place on.
class FailingSource : public ByteSource {
 public:
  FailingSource(std::string bytes, uint64_t good) : source_("Data.db", std::move(bytes)), good_(good) {}
  Result<size_t> ReadAt(uint64_t offset, char* to, size_t size) const override {
    ASSIGN_OR_RETURN(const uint64_t all, source_.Size());
    if (std::min(offset + size, all) > good_) return IoError("Data.db: the disk fails");
    ++reads_;
    return source_.ReadAt(offset, to, size);
  }
  Result<uint64_t> Size() const override { return source_.Size(); }
  const std::string& name() const override { return source_.name(); }
  int reads() const { return reads_; }

 private:
  MemorySource source_;
  uint64_t good_;
  mutable int reads_ = 0;
};

TEST(ChunkReaderTest, ReadsAheadWithoutNeedingWhatIsThere) {
  const CompressedFile file = MakeCompressed();
  const MemorySource info("CompressionInfo.db", file.info);
  const auto read = [&](const ByteSource& data) {
    const auto reader = (*ChunkReader::OpenCompressed(&data, &info))->Clone(/*read_ahead_bytes=*/100);
    std::string all;
    for (uint64_t i = 0; i < reader->chunk_count() && reader->Append(i, &all).has_value();) ++i;
    return all;
  };
  const FailingSource good(file.data, file.data.size());
  EXPECT_EQ(read(good), "abcdefghij");
  EXPECT_EQ(good.reads(), 1);
  EXPECT_EQ(read(FailingSource(file.data, 16)), "abcdefgh");
  EXPECT_EQ(read(FailingSource(file.data, 15)), "abcd");
}

TEST(ChunkReaderTest, ChunksOfTheMaximalLengthAreStoredRaw) {
  // No LZ4 block is like these bytes; of the last chunk, 2 bytes long, what is behind them is padding.
  CompressedFile file = MakeCompressed("LZ4Compressor", 2);
  EXPECT_EQ(*ReadCompressed(file), "abcdefghij");
}

TEST(ChunkReaderTest, ChecksumsAreOfWhatIsStored) {
  const CompressedFile good = MakeCompressed();
  for (size_t i = 0; i < 22; ++i) {  // all but the empty chunk
    CompressedFile bad = good;
    bad.data[i] = static_cast<char>(bad.data[i] ^ 1);
    const auto all = ReadCompressed(bad);
    ASSERT_FALSE(all.has_value()) << i;
    EXPECT_EQ(all.error().code, ErrorCode::kCorrupt);
  }
}

TEST(ChunkReaderTest, SaysWhatIsLost) {
  CompressedFile bad = MakeCompressed();
  bad.data[8] = 'x';
  EXPECT_THAT(ReadCompressed(bad).error().message,
              HasSubstr("Data.db: offset 8: chunk 1: the checksum does not match; uncompressed bytes 4 to 8 are lost"));
}

TEST(ChunkReaderTest, EveryCutIsNoticed) {
  const CompressedFile good = MakeCompressed();
  for (size_t size = 0; size < good.info.size(); ++size) {
    EXPECT_FALSE(ReadCompressed({.data = good.data, .info = good.info.substr(0, size)}).has_value()) << size;
  }
  for (size_t size = 0; size < 22; ++size) {
    EXPECT_FALSE(ReadCompressed({.data = good.data.substr(0, size), .info = good.info}).has_value()) << size;
  }
}

// CompressionInfo.db has no checksum of its own: the worst that a flip may do is to name another compressor, an option
// or the end of the last chunk, and what is read is right all the same.
TEST(ChunkReaderTest, FlipsOfTheTableAreNoticedOrHarmless) {
  const CompressedFile good = MakeCompressed();
  for (size_t i = 0; i < good.info.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      CompressedFile bad = good;
      bad.info[i] = static_cast<char>(bad.info[i] ^ (1 << bit));
      const auto all = ReadCompressed(bad);
      if (all.has_value()) {
        EXPECT_TRUE(std::string("abcdefghij").starts_with(*all) || *all == "abcdefghij") << i << " " << bit << *all;
      }
    }
  }
}

TEST(ChunkReaderTest, RefusesCompressorsByName) {
  const auto all = ReadCompressed(MakeCompressed("com.example.Encryptor"));
  ASSERT_FALSE(all.has_value());
  EXPECT_EQ(all.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(all.error().message, HasSubstr("Encryptor"));
}

TEST(ChunkReaderTest, VerifiesPlainChunks) {
  const std::string bytes = "abcdefghij";
  const std::string crc = MakeCrc(bytes, 4);
  EXPECT_EQ(*ReadPlain(bytes, crc), bytes);
  EXPECT_EQ(*ReadPlain("", MakeCrc("", 4)), "");
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = 'x';
    EXPECT_EQ(ReadPlain(bad, crc).error().code, ErrorCode::kCorrupt) << i;
    EXPECT_EQ(ReadPlain(bytes.substr(0, i), crc).error().code, ErrorCode::kCorrupt) << i;
  }
  for (size_t i = 0; i < crc.size(); ++i) {
    std::string bad = crc;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    EXPECT_EQ(ReadPlain(bytes, bad).error().code, ErrorCode::kCorrupt) << i;
    EXPECT_EQ(ReadPlain(bytes, crc.substr(0, i)).error().code, ErrorCode::kCorrupt) << i;
  }
}

TEST(ChunkReaderTest, ReadsTablesPageByPage) {
  std::string bytes;
  for (int i = 0; i < 10000; ++i) bytes += static_cast<char>('a' + i % 26);
  EXPECT_EQ(*ReadPlain(bytes, MakeCrc(bytes, 1)), bytes);
}

}  // namespace
}  // namespace braid
