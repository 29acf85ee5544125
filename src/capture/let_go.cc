#include "capture/let_go.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/byte_source.h"
#include "base/checksum.h"
#include "base/cursor.h"
#include "codec/gap.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr ByteView kMagic = "BRLG";
constexpr uint8_t kVersion = 1;
// Two slots, written in turn, so that one is whole whatever becomes of a write: each in sectors of its own.
constexpr size_t kSlotBytes = 2048;
constexpr size_t kFileBytes = 2 * kSlotBytes;
constexpr size_t kMostDetailBytes = 1024;

std::string EncodeSlot(uint64_t number, const std::optional<Gap>& gap) {
  std::string payload;
  if (gap.has_value()) AppendGap(&payload, *gap);
  std::string slot(kMagic);
  slot.push_back(static_cast<char>(kVersion));
  AppendBigEndian(&slot, number);
  AppendBigEndian(&slot, static_cast<uint16_t>(payload.size()));
  slot.append(payload);
  AppendBigEndian(&slot, Crc32c(0, slot));
  slot.resize(kSlotBytes);
  return slot;
}

struct Slot {
  uint64_t number = 0;
  std::optional<Gap> gap;
};

// Nothing if the slot was never written, or not whole.
Result<std::optional<Slot>> DecodeSlot(ByteView bytes) {
  Cursor from(bytes);
  if (!bytes.starts_with(kMagic)) return std::nullopt;
  TRY(ReadMagic(&from, kMagic, kVersion, "let-go record"));
  Slot slot;
  slot.number = from.U64();
  const ByteView payload = from.Bytes(from.U16());
  const uint32_t crc = Crc32c(0, bytes.substr(0, from.offset()));
  if (from.U32() != crc || !from.ok()) return std::nullopt;
  if (!payload.empty()) {
    ASSIGN_OR_RETURN(slot.gap, DecodeGap(payload));
  }
  return slot;
}

}  // namespace

Result<LetGoRecord> LetGoRecord::Open(FileSystem* files, std::string path) {
  LetGoRecord record(files, std::move(path));
  if (record.path_.empty()) return record;
  const auto source = files->OpenForRead(record.path_);
  if (!source.has_value() && source.error().code != ErrorCode::kNotFound) return source.error();
  if (source.has_value()) {
    record.content_.resize(kFileBytes);
    ASSIGN_OR_RETURN(const size_t size, (*source)->ReadAt(0, record.content_.data(), kFileBytes));
    record.content_.resize(size);
  }
  if (record.content_.size() != kFileBytes) {
    record.content_ = EncodeSlot(0, std::nullopt) + std::string(kSlotBytes, '\0');
    TRY(files->MakeDirectory(record.path_.substr(0, record.path_.rfind('/'))));
    TRY(files->ReplaceFile(record.path_, record.content_));
    return record;
  }
  for (const size_t offset : {size_t{0}, kSlotBytes}) {
    auto slot = DecodeSlot(ByteView(record.content_).substr(offset, kSlotBytes));
    if (!slot.has_value()) return slot.error().At(record.path_);
    if (!slot->has_value() || (*slot)->number < record.writes_) continue;
    record.writes_ = (*slot)->number;
    record.gap_ = std::move((*slot)->gap);
  }
  return record;
}

Status LetGoRecord::Write(std::optional<Gap> gap) {
  if (path_.empty()) return {};
  const uint64_t number = writes_ + 1;
  std::string content = content_;
  content.replace(number % 2 * kSlotBytes, kSlotBytes, EncodeSlot(number, gap));
  TRY(files_->Overwrite(path_, content));
  content_ = std::move(content);
  writes_ = number;
  gap_ = std::move(gap);
  return {};
}

Status LetGoRecord::Add(const Gap& gap) {
  Gap all = gap;
  if (gap_.has_value()) {
    all.from = gap_->from;
    all.detail = fmt::format("{} (so were those before it, from segment {} on)", gap.detail, all.from.segment.value);
  }
  all.detail.resize(std::min(all.detail.size(), kMostDetailBytes));
  TRY(Write(std::move(all)));
  if (path_.empty()) return {};
  ASSIGN_OR_RETURN(const auto file, files_->OpenForAppend(path_));
  return file->Sync();
}

Status LetGoRecord::Release(const Position& durable) {
  if (!gap_.has_value() || durable < gap_->to) return {};
  return Write(std::nullopt);
}

}  // namespace braid
