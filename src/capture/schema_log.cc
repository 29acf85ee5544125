#include "capture/schema_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/byte_source.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/cursor.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr ByteView kMagic = "BRSL";
constexpr uint8_t kVersion = 1;
constexpr size_t kFileHeaderBytes = 5;
// Of a batch: its size, and a checksum of that; behind it a checksum of both.
constexpr size_t kBatchHeaderBytes = 8;
constexpr size_t kBatchTrailerBytes = 4;
constexpr uint32_t kMaxBatchBytes = 64 << 20;
// Far more than the changes of a cluster's lifetime.
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;

std::string EncodeBatch(const std::vector<SchemaRecord>& records) {
  std::string payload;
  for (const SchemaRecord& record : records) AppendSchemaRecord(&payload, record);
  CHECK(payload.size() <= kMaxBatchBytes);
  std::string batch;
  AppendBigEndian(&batch, static_cast<uint32_t>(payload.size()));
  const uint32_t size_crc = Crc32(0, batch);
  AppendBigEndian(&batch, size_crc);
  batch.append(payload);
  AppendBigEndian(&batch, Crc32(size_crc, payload));
  return batch;
}

// What stands at an offset of the file.
struct Batch {
  enum class State : uint8_t { kWhole, kTorn, kDamaged };
  State state = State::kTorn;
  ByteView payload;
  uint64_t end = 0;
};

// Whether `bytes` begins with a size that carries its checksum.
bool SizeIsSound(ByteView bytes) {
  if (bytes.size() < kBatchHeaderBytes) return false;
  const uint32_t size = LoadBigEndian<uint32_t>(bytes.data());
  return size > 0 && size <= kMaxBatchBytes &&
         Crc32(0, bytes.substr(0, 4)) == LoadBigEndian<uint32_t>(bytes.data() + 4);
}

// Torn is what a crash can leave, and only at the end: nothing whole can follow it.
Batch LookAt(ByteView file, uint64_t offset) {
  const ByteView rest = file.substr(offset);
  if (!SizeIsSound(rest)) {
    // Unless a whole batch follows: then the size was sound once.
    for (uint64_t at = 1; at < rest.size(); ++at) {
      if (SizeIsSound(rest.substr(at)) && LookAt(file, offset + at).state == Batch::State::kWhole) {
        return {.state = Batch::State::kDamaged, .payload = {}, .end = 0};
      }
    }
    return {};
  }
  const uint32_t size = LoadBigEndian<uint32_t>(rest.data());
  const uint64_t whole = kBatchHeaderBytes + size + kBatchTrailerBytes;
  if (whole > rest.size()) return {};
  const ByteView payload = rest.substr(kBatchHeaderBytes, size);
  const uint32_t crc = Crc32(LoadBigEndian<uint32_t>(rest.data() + 4), payload);
  if (crc == LoadBigEndian<uint32_t>(payload.data() + size)) {
    return {.state = Batch::State::kWhole, .payload = payload, .end = offset + whole};
  }
  return {.state = whole == rest.size() ? Batch::State::kTorn : Batch::State::kDamaged, .payload = {}, .end = 0};
}

Error Damaged(const std::string& path, uint64_t offset, const std::string& what) {
  return Corrupt(
      fmt::format("{}: offset {}: {}; the column ids that all state rests on are in this file: restore it from a copy "
                  "of the state directory, or begin with a new state directory",
                  path, offset, what));
}

// Reads `file`; gives where what is whole ends.
Result<uint64_t> ReadRecords(const std::string& path, ByteView file, std::vector<SchemaRecord>* records) {
  Cursor header(file);
  const Status readable = ReadMagic(&header, kMagic, kVersion, "schema log");
  if (!readable.has_value()) return readable.error().At(path);
  uint64_t end = header.offset();
  while (end < file.size()) {
    const Batch batch = LookAt(file, end);
    if (batch.state == Batch::State::kTorn) return end;
    if (batch.state == Batch::State::kDamaged) return Damaged(path, end, "its checksum does not fit");
    const Status decoded = DecodeSchemaRecords(batch.payload, "schema log", records);
    if (!decoded.has_value()) {
      if (decoded.error().code == ErrorCode::kUnsupported) return decoded.error().At(path);
      return Damaged(path, end, decoded.error().message);
    }
    end = batch.end;
  }
  return end;
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
}

}  // namespace

Result<std::pair<std::unique_ptr<SchemaLog>, std::vector<SchemaRecord>>> SchemaLog::Open(FileSystem* files,
                                                                                         const std::string& path) {
  const Result<FileInfo> info = files->Info(path);
  if (!info.has_value()) {
    if (info.error().code != ErrorCode::kNotFound) return info.error();
    TRY(files->MakeDirectory(DirectoryOf(path)));
    std::string header(kMagic);
    header.push_back(static_cast<char>(kVersion));
    static_assert(kMagic.size() + 1 == kFileHeaderBytes);
    TRY(files->ReplaceFile(path, header));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source, files->OpenForRead(path));
  ASSIGN_OR_RETURN(const std::string bytes, ReadAll(*source, kMaxFileBytes));
  std::vector<SchemaRecord> records;
  ASSIGN_OR_RETURN(const uint64_t end, ReadRecords(path, bytes, &records));
  ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, files->OpenForAppend(path));
  if (file->size() != end) {
    TRY(file->Truncate(end));
    TRY(file->Sync());
  }
  return std::pair(std::unique_ptr<SchemaLog>(new SchemaLog(std::move(file), end)), std::move(records));
}

Result<std::vector<SchemaRecord>> SchemaLog::Read(FileSystem* files, const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source, files->OpenForRead(path));
  ASSIGN_OR_RETURN(const std::string bytes, ReadAll(*source, kMaxFileBytes));
  std::vector<SchemaRecord> records;
  TRY(ReadRecords(path, bytes, &records));
  return records;
}

Status SchemaLog::Append(const std::vector<SchemaRecord>& records) {
  // What an Append that failed has left.
  if (file_->size() != end_) TRY(file_->Truncate(end_));
  const std::string batch = EncodeBatch(records);
  const Status appended = file_->Append(batch);
  Status synced = appended.has_value() ? file_->Sync() : appended;
  if (!synced.has_value()) {
    (void)file_->Truncate(end_);  // tried again by the next
    return synced;
  }
  end_ += batch.size();
  return {};
}

}  // namespace braid
