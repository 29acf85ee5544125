#include "pipeline/spill/run_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <lz4.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"

namespace braid::spill {
namespace {

struct BlockHeader {
  uint32_t raw_bytes;
  uint32_t stored_bytes;
  uint64_t checksum;
};

Error Damaged(const RunFile& file, uint64_t offset, const char* why) {
  return Corrupt(fmt::format("{}: the temporary file of the sort is damaged at offset {}: {}; check the disk",
                             file.directory(), offset, why));
}

}  // namespace

Result<std::unique_ptr<RunFile>> RunFile::Create(const std::string& directory) {
  std::string path = directory + "/braid-sort-XXXXXX";
  const int descriptor = ::mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0) {
    return IoError(
        fmt::format("{}: cannot make a temporary file for the sort: {}; name a directory that can be written",
                    directory, std::strerror(errno)));
  }
  ::unlink(path.c_str());
  return std::unique_ptr<RunFile>(new RunFile(directory, descriptor));
}

RunFile::~RunFile() {
  ::close(descriptor_);
}

Status RunFile::Append(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const char* why = written == 0 ? "nothing could be written" : std::strerror(errno);
      return IoError(
          fmt::format("{}: cannot write the temporary file of the sort, which has {} bytes: {}; free space there, name "
                      "a directory on "
                      "a larger disk, or allow more memory",
                      directory_, size_, why));
    }
    size_ += static_cast<uint64_t>(written);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Status RunFile::Read(uint64_t offset, char* to, size_t size) const {
  while (size > 0) {
    const ssize_t got = ::pread(descriptor_, to, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return IoError(fmt::format("{}: cannot read the temporary file of the sort at offset {}: {}", directory_, offset,
                                 std::strerror(errno)));
    }
    if (got == 0) return Damaged(*this, offset, "it ends early");
    to += got;
    offset += static_cast<uint64_t>(got);
    size -= static_cast<size_t>(got);
  }
  return {};
}

RunWriter::RunWriter(RunFile* file, size_t block_bytes) : file_(file), block_bytes_(block_bytes) {
  run_.begin = file->size();
  raw_.reserve(block_bytes);
  packed_.resize(sizeof(BlockHeader) + static_cast<size_t>(LZ4_compressBound(static_cast<int>(block_bytes))));
}

Status RunWriter::Add(ByteView stored) {
  if (!raw_.empty() && raw_.size() + stored.size() > block_bytes_) {
    TRY(WriteBlock(raw_));
    raw_.clear();
  }
  if (stored.size() > block_bytes_) return WriteBlock(stored);
  raw_.append(stored);
  return {};
}

Result<Run> RunWriter::Finish() {
  if (!raw_.empty()) TRY(WriteBlock(raw_));
  raw_.clear();
  run_.end = file_->size();
  return run_;
}

Status RunWriter::WriteBlock(ByteView raw) {
  largest_block_bytes_ = std::max(largest_block_bytes_, raw.size());
  BlockHeader header{static_cast<uint32_t>(raw.size()), static_cast<uint32_t>(raw.size()), 0};
  char* const packed = packed_.data() + sizeof(header);
  // A block of one record that is larger than blocks are goes as it is: packing it would take more memory.
  if (raw.size() <= block_bytes_) {
    const int size = LZ4_compress_default(raw.data(), packed, static_cast<int>(raw.size()),
                                          static_cast<int>(packed_.size() - sizeof(header)));
    if (size > 0 && static_cast<size_t>(size) < raw.size()) {
      header.stored_bytes = static_cast<uint32_t>(size);
      header.checksum = Hash64({packed, header.stored_bytes});
      std::memcpy(packed_.data(), &header, sizeof(header));
      return file_->Append({packed_.data(), sizeof(header) + header.stored_bytes});
    }
  }
  header.checksum = Hash64(raw);
  TRY(file_->Append({reinterpret_cast<const char*>(&header), sizeof(header)}));
  return file_->Append(raw);
}

Result<bool> RunReader::Next() {
  if (next_ == block_size_) {
    if (run_.begin == run_.end) return false;
    TRY(ReadBlock());
  }
  const size_t left = block_size_ - next_;
  if (left >= kRecordHeaderBytes) record_ = LoadRecord(block_.data() + next_);
  if (left < kRecordHeaderBytes || left < record_.size()) return Damaged(*file_, run_.begin, "a record is cut");
  next_ += record_.size();
  prefix_ = PrefixOf(record_.key);
  return true;
}

Status RunReader::ReadBlock() {
  BlockHeader header;
  const uint64_t at = run_.begin;
  if (run_.end - at < sizeof(header)) return Damaged(*file_, at, "a block's header is cut");
  TRY(file_->Read(at, reinterpret_cast<char*>(&header), sizeof(header)));
  if (header.stored_bytes > run_.end - at - sizeof(header) || header.raw_bytes < header.stored_bytes) {
    return Damaged(*file_, at, "a block's sizes cannot be");
  }
  const bool is_packed = header.stored_bytes != header.raw_bytes;
  // LZ4 never packs better than 255 to 1: more is damage, and not to be allocated.
  if (is_packed && header.raw_bytes / 255 > header.stored_bytes)
    return Damaged(*file_, at, "a block's sizes cannot be");
  if (block_.size() < header.raw_bytes) block_.resize(header.raw_bytes);
  if (is_packed && packed_->size() < header.stored_bytes) packed_->resize(header.stored_bytes);
  char* const stored = is_packed ? packed_->data() : block_.data();
  TRY(file_->Read(at + sizeof(header), stored, header.stored_bytes));
  if (Hash64({stored, header.stored_bytes}) != header.checksum) {
    return Damaged(*file_, at, "a block does not fit its checksum");
  }
  if (is_packed) {
    const int size = LZ4_decompress_safe(stored, block_.data(), static_cast<int>(header.stored_bytes),
                                         static_cast<int>(header.raw_bytes));
    if (size < 0 || static_cast<uint32_t>(size) != header.raw_bytes)
      return Damaged(*file_, at, "a block does not unpack");
  }
  block_size_ = header.raw_bytes;
  next_ = 0;
  run_.begin = at + sizeof(header) + header.stored_bytes;
  return {};
}

}  // namespace braid::spill
