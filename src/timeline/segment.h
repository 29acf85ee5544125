// Reading one segment of a timeline: its batches by offset, number or time, and their blocks. What readers, writers and
// `braid inspect` share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/byte_source.h"
#include "base/file_system.h"
#include "base/result.h"
#include "timeline/format.h"

namespace braid::timeline {

// The numbers in the names of the directory's segments, rising. Errors: kNotFound (no such directory), kIoError.
Result<std::vector<uint64_t>> ListSegments(FileSystem* files, const std::string& directory);

// The committed file of a partition. It is rewritten in place, so that one look may meet half of it: looks again a few
// times before it says kCorrupt. Errors too: kNotFound, kUnsupported, kIoError.
Result<Committed> ReadCommitted(FileSystem* files, const std::string& directory);

// One segment file, open. Belongs to one thread. A file that is removed can be read on. Errors name file and offset.
class Segment {
 public:
  // `ahead_bytes` are read at a time where that much is there: few for a reader that skips blocks.
  // Errors: kNotFound, kCorrupt (its header is damaged, or is not that of its name), kUnsupported, kIoError.
  static Result<std::unique_ptr<Segment>> Open(FileSystem* files, const std::string& directory, uint64_t first,
                                               size_t ahead_bytes);
  // The file under any name, e.g. for a look at one that was moved away. Its index is not used.
  static Result<std::unique_ptr<Segment>> Open(std::unique_ptr<ByteSource> source, size_t ahead_bytes);

  const SegmentHeader& header() const { return header_; }
  const std::string& name() const { return source_->name(); }
  Result<uint64_t> Size() const { return source_->Size(); }

  // The batch at `offset`, checked without its blocks' bytes. kCorrupt if there is none, or the file ends within it.
  Result<Batch> ReadBatch(uint64_t offset);
  // The raw bytes of a block, checked. They live until the next call of this, or as long as *buffer.
  Result<ByteView> ReadBlock(const Block& block, std::string* buffer);
  // The same, and the definition in it.
  Result<TableSchemaPtr> ReadDefinition(const Block& block);

  // A batch that begins at or before record `n`, not far before it. n >= header().first.
  Result<Batch> BatchNear(uint64_t n);
  // A batch emitted before `time_us`, not far before the first that was not; else the segment's first.
  Result<Batch> BatchNearTime(int64_t time_us);

  // Forgets what was read ahead: the file has grown, or what was not committed has changed.
  void Forget() { window_.clear(); }

 private:
  Segment(std::unique_ptr<ByteSource> source, size_t ahead_bytes)
      : source_(std::move(source)), ahead_bytes_(ahead_bytes) {}

  Status ReadHeader();
  // `size` bytes from `offset`; they live until the next call. kCorrupt if the file ends before them.
  Result<ByteView> View(uint64_t offset, uint64_t size);
  template <typename IsBefore>
  Result<Batch> LastIndexed(IsBefore is_before);
  Error At(uint64_t offset, const Error& error) const;

  std::unique_ptr<ByteSource> source_;
  size_t ahead_bytes_;
  SegmentHeader header_;
  FileSystem* files_ = nullptr;  // nullptr: without index
  std::string index_path_;
  std::string window_;
  uint64_t window_offset_ = 0;
};

}  // namespace braid::timeline
