// Builds commit-log segments byte by byte, for tests and benchmarks: the format once more, from the writer's side.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/checksum.h"
#include "cassandra/compress/compress_test_util.h"

namespace braid {

class SegmentBuilder {
 public:
  explicit SegmentBuilder(int32_t version = 7, int64_t id = 1795256257547,
                          std::optional<Compression> compression = std::nullopt)
      : id_(id), compression_(compression) {
    Header(version, compression ? std::string(R"({"compressionClass":")") + CompressionName(*compression) +
                                      R"(","compressionParameters":{}})"
                                : "{}");
  }
  // A header with these parameters.
  SegmentBuilder(int32_t version, int64_t id, const std::string& parameters) : id_(id) { Header(version, parameters); }

  // What a mutation's `payload` is in a section.
  static std::string Entry(ByteView payload) {
    std::string entry;
    const uint32_t size = static_cast<uint32_t>(payload.size());
    uint32_t crc = Crc32OfInt(0, size);
    AppendBigEndian<uint32_t>(&entry, size);
    AppendBigEndian<uint32_t>(&entry, crc);
    entry.append(payload);
    crc = Crc32(crc, payload);
    AppendBigEndian<uint32_t>(&entry, crc);
    return entry;
  }

  // A synced section with these payloads.
  SegmentBuilder& Section(const std::vector<std::string>& payloads) {
    std::string body;
    for (const std::string& payload : payloads) body += Entry(payload);
    return RawSection(body);
  }

  // A synced section whose (uncompressed) body is `body`.
  SegmentBuilder& RawSection(ByteView body) {
    std::string stored(body);
    if (compression_) {
      stored.clear();
      AppendBigEndian<uint32_t>(&stored, static_cast<uint32_t>(body.size()));
      stored += CompressBlock(*compression_, body);
    }
    return StoredSection(stored);
  }

  // A synced section of which `stored` is in the file, between its marker and the next.
  SegmentBuilder& StoredSection(ByteView stored) {
    const uint32_t marker = static_cast<uint32_t>(bytes_.size());
    markers_.push_back(marker);
    AppendBigEndian<uint32_t>(&bytes_, static_cast<uint32_t>(marker + 8 + stored.size()));
    AppendBigEndian<uint32_t>(&bytes_, MarkerCrc(marker));
    bytes_ += stored;
    return *this;
  }

  // The sync marker's checksum at that offset.
  uint32_t MarkerCrc(uint32_t offset) const {
    uint32_t crc = Crc32OfInt(0, static_cast<uint32_t>(id_));
    crc = Crc32OfInt(crc, static_cast<uint32_t>(static_cast<uint64_t>(id_) >> 32));
    return Crc32OfInt(crc, offset);
  }

  // File offsets of the sections' markers.
  const std::vector<uint32_t>& markers() const { return markers_; }

  // The file so far; padded with zeroes, as plain segments are, where `padding` says so.
  std::string Bytes(size_t padding = 0) const { return bytes_ + std::string(padding, '\0'); }

 private:
  void Header(int32_t version, const std::string& parameters) {
    AppendBigEndian<int32_t>(&bytes_, version);
    AppendBigEndian<int64_t>(&bytes_, id_);
    AppendBigEndian<uint16_t>(&bytes_, static_cast<uint16_t>(parameters.size()));
    bytes_ += parameters;
    uint32_t crc = Crc32OfInt(0, static_cast<uint32_t>(version));
    crc = Crc32OfInt(crc, static_cast<uint32_t>(id_));
    crc = Crc32OfInt(crc, static_cast<uint32_t>(static_cast<uint64_t>(id_) >> 32));
    crc = Crc32OfInt(crc, static_cast<uint32_t>(parameters.size()));
    AppendBigEndian<uint32_t>(&bytes_, Crc32(crc, parameters));
  }

  int64_t id_;
  std::optional<Compression> compression_;
  std::string bytes_;
  std::vector<uint32_t> markers_;
};

}  // namespace braid
