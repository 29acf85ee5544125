// The bytes of a Data.db, as they were before compression, chunk by chunk; every chunk is verified.
// Learned from org.apache.cassandra.io.compress.CompressionMetadata, io.util.CompressedChunkReader and
// io.util.ChecksumWriter. Layouts: docs/formats/sstable.md.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "base/result.h"
#include "cassandra/compress/compress.h"

namespace braid {

// Reads one Data.db. Holds one stored chunk, or what it reads ahead, and a page of the chunk table, whatever the file's
// size. Not thread-safe.
class ChunkReader {
 public:
  // For a compressed file, with its CompressionInfo.db. Both must outlive the reader. Errors: kCorrupt (the table
  // contradicts itself or the file), kUnsupported (a compressor that is not Cassandra's own), kIoError.
  static Result<std::unique_ptr<ChunkReader>> OpenCompressed(const ByteSource* data, const ByteSource* info);

  // For a plain file, with its CRC.db. The same holds.
  static Result<std::unique_ptr<ChunkReader>> OpenPlain(const ByteSource* data, const ByteSource* crc);

  // Another reader of the same files, with buffers of its own. Where chunk is read after chunk it reads so much of a
  // compressed file at once.
  std::unique_ptr<ChunkReader> Clone(uint64_t read_ahead_bytes = 0) const;

  // The uncompressed length of the whole, in bytes.
  uint64_t length() const { return length_; }
  // Uncompressed bytes of every chunk but the last.
  uint64_t chunk_bytes() const { return chunk_bytes_; }
  uint64_t chunk_count() const { return (length_ + chunk_bytes_ - 1) / chunk_bytes_; }
  // The compressor's class name, or nullptr for a plain file. Static lifetime.
  const char* compressor() const { return decompressor_ ? CompressionName(decompressor_->compression()) : nullptr; }
  const std::string& name() const { return data_->name(); }

  // Uncompressed bytes of chunk `index`, below chunk_count().
  uint64_t RawBytes(uint64_t index) const { return std::min(chunk_bytes_, length_ - index * chunk_bytes_); }
  // Writes the RawBytes(index) uncompressed bytes of the chunk to `to`. After an error they mean nothing. Errors:
  // kCorrupt, with the file, the chunk's offset in it and the uncompressed bytes that are lost; kIoError.
  Status Read(uint64_t index, char* to);
  // Appends them. On an error *to is as it was.
  Status Append(uint64_t index, std::string* to);

 private:
  ChunkReader(const ByteSource* data, const ByteSource* table) : data_(data), table_(table) {}

  // Entry `index` of the table: a chunk's offset if compressed, its checksum if plain. Reads the table page by page.
  Result<uint64_t> TableEntry(uint64_t index);
  // Where chunk `index` is stored: its offset, and its length without checksum.
  struct Stored {
    uint64_t offset;
    uint64_t bytes;
    uint32_t crc;  // of a plain chunk
  };
  Result<Stored> Locate(uint64_t index);
  // The bytes of a compressed chunk, with its checksum: fewer if the file ends too early. They live until the next
  // call.
  Result<ByteView> StoredBytes(const Stored& stored);
  Status ReadPlain(uint64_t index, const Stored& stored, char* to);
  Error Damaged(uint64_t index, uint64_t stored_offset, const std::string& what) const;

  const ByteSource* data_;
  const ByteSource* table_;
  std::optional<Decompressor> decompressor_;  // none if plain
  uint64_t file_bytes_ = 0;
  uint64_t length_ = 0;
  uint64_t chunk_bytes_ = 0;
  uint64_t max_compressed_bytes_ = 0;  // a chunk stored in this many bytes or more is not compressed
  uint64_t table_offset_ = 0;          // of the first entry
  uint64_t table_entries_ = 0;
  uint64_t page_first_ = 0;
  std::vector<uint64_t> page_;
  uint64_t read_ahead_bytes_ = 0;
  std::string ahead_;  // bytes of the file from ahead_start_ on
  uint64_t ahead_start_ = 0;
  uint64_t next_offset_ = 0;  // where the chunk behind the last one read is stored
};

}  // namespace braid
