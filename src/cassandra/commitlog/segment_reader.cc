#include "cassandra/commitlog/segment_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/checksum.h"
#include "base/cursor.h"
#include "cassandra/commitlog/file_name.h"

namespace braid {

namespace {

constexpr size_t kWindowBytes = size_t{1} << 20;
// What is read first at a new place, and at the end of a segment that is being written: little, as it is looked at
// often. It doubles up to kWindowBytes as reading goes on.
constexpr size_t kFirstReadBytes = 4096;
constexpr size_t kMarkerBytes = 8;
// version, id and the length of the parameters; then they and a checksum.
constexpr size_t kHeaderFixedBytes = 4 + 8 + 2;
constexpr size_t kMaxHeaderBytes = kHeaderFixedBytes + 65535 + 4;
// Before an entry's payload: size and its checksum; after it: the checksum of all.
constexpr size_t kEntryHeadBytes = 8;
constexpr size_t kEntryOverheadBytes = 12;
// Before a compressed section's block: its raw length.
constexpr size_t kSectionHeadBytes = 4;
constexpr uint32_t kMinEntryBytes = 10;
// A section that claims to be larger than so many times what is stored is not believed without decompressing it.
constexpr uint64_t kMaxBelievedRatio = 256;

constexpr int32_t kOldestVersion = 7;
constexpr int32_t kNewestVersion = 8;

uint32_t CrcOfId(uint32_t crc, int64_t id) {
  crc = Crc32OfInt(crc, static_cast<uint32_t>(id));
  return Crc32OfInt(crc, static_cast<uint32_t>(static_cast<uint64_t>(id) >> 32));
}

Error UnsupportedVersion(int32_t version) {
  const char* which = version == 6   ? "Cassandra 3.x: upgrade the node to 4.0 or later and let it drain"
                      : version < 6  ? "older than Cassandra 3.0"
                      : version == 9 ? "Cassandra newer than 5.0: a newer Braid is needed"
                                     : "no release of Cassandra that Braid knows";
  return Unsupported(fmt::format("commit log of version {} ({}); versions {} and {} are read (Cassandra 4.0 to 5.0)",
                                 version, which, kOldestVersion, kNewestVersion));
}

// What the header's JSON says.
Status ReadParameters(ByteView json, SegmentHeader* header) {
  const nlohmann::json parameters = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parameters.is_object()) return Corrupt("offset 14: the header's parameters are no JSON object");
  if (const auto cipher = parameters.find("encCipher"); cipher != parameters.end() && !cipher->is_null()) {
    return Unsupported(
        "the commit log is encrypted (transparent_data_encryption_options): Braid has no key; set 'enabled: false' "
        "there "
        "on the nodes whose log is to be read");
  }
  const auto class_name = parameters.find("compressionClass");
  if (class_name == parameters.end() || class_name->is_null()) return {};
  if (!class_name->is_string()) return Corrupt("offset 14: the header's compressionClass is no string");
  ASSIGN_OR_RETURN(header->compression, CompressionOfClass(class_name->get_ref<const std::string&>()));
  return {};
}

struct ParsedHeader {
  SegmentHeader header;
  uint64_t bytes = 0;
};

Result<ParsedHeader> ParseHeader(ByteView bytes, const std::string& file) {
  Cursor from(bytes);
  ParsedHeader parsed;
  SegmentHeader& header = parsed.header;
  header.version = from.I32();
  header.id.value = from.I64();
  const uint16_t size = from.U16();
  const ByteView json = from.Bytes(size);
  const uint32_t crc = from.U32();
  if (header.version == 0) return Incomplete("no header has been written yet");
  if (bytes.size() >= 4 && (header.version < kOldestVersion || header.version > kNewestVersion)) {
    return UnsupportedVersion(header.version);
  }
  if (!from.ok()) return Incomplete("the file ends within its header");
  uint32_t expected = Crc32OfInt(0, static_cast<uint32_t>(header.version));
  expected = CrcOfId(expected, header.id.value);
  expected = Crc32OfInt(expected, size);
  expected = Crc32(expected, json);
  if (crc != expected) return Corrupt("offset 0: the header does not match its checksum");
  TRY(ReadParameters(json, &header));
  const std::optional<SegmentFileName> name = ParseSegmentFileName(file);
  if (name && !name->cdc_index && name->id != header.id) {
    return Corrupt(
        fmt::format("the header is that of segment {}: the file was renamed or overwritten", header.id.value));
  }
  parsed.bytes = from.offset();
  return parsed;
}

bool AllZero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

}  // namespace

std::string SegmentDamage::Describe(const std::string& file) const {
  return fmt::format("{}: offset {}: {}; {} bytes cannot be read", file, offset, what, lost_bytes);
}

char* SegmentBuffers::Buffer::Reserve(size_t size, size_t kept) {
  if (size <= capacity_) return bytes_.get();
  // The old goes before the new is taken, so that there are not both.
  const std::string saved(bytes_.get(), kept);
  bytes_.reset();
  bytes_ = std::make_unique_for_overwrite<char[]>(size);
  if (kept != 0) std::memcpy(bytes_.get(), saved.data(), kept);
  capacity_ = size;
  return bytes_.get();
}

Result<SegmentReader> SegmentReader::Open(const ByteSource& source, const SegmentOptions& options) {
  ASSIGN_OR_RETURN(const uint64_t size, source.Size());
  // A few bytes are enough for most headers.
  std::string bytes;
  Result<ParsedHeader> parsed = Incomplete("");
  for (const size_t most : {kFirstReadBytes, kMaxHeaderBytes}) {
    bytes.resize(std::min<uint64_t>(size, most));
    ASSIGN_OR_RETURN(const size_t got, source.ReadAt(0, bytes.data(), bytes.size()));
    parsed = ParseHeader(ByteView(bytes).substr(0, got), source.name());
    if (parsed || parsed.error().code != ErrorCode::kIncomplete || got < most || bytes[3] == 0) break;
  }
  if (!parsed) return parsed.error().At(source.name());
  return SegmentReader(source, options, parsed->header, parsed->bytes, size);
}

SegmentReader::SegmentReader(const ByteSource& source, const SegmentOptions& options, const SegmentHeader& header,
                             uint64_t first_marker, uint64_t size)
    : source_(&source),
      options_(options),
      header_(header),
      file_size_(size),
      first_marker_(first_marker),
      marker_(first_marker),
      logical_marker_(first_marker),
      step_over_(options.start != 0),
      own_buffers_(options.buffers == nullptr ? std::make_unique<SegmentBuffers>() : nullptr),
      buffers_(options.buffers == nullptr ? own_buffers_.get() : options.buffers),
      read_ahead_(kWindowBytes) {
  if (header.compression) decompressor_.emplace(*header.compression);
}

Result<ByteView> SegmentReader::Window(uint64_t offset, size_t size) {
  if (offset < window_offset_ || offset + size > window_offset_ + window_bytes_) {
    // What the window has of the wanted bytes is moved to its front; the rest is read behind it.
    const bool overlaps = offset >= window_offset_ && offset < window_offset_ + window_bytes_;
    const size_t kept = overlaps ? window_offset_ + window_bytes_ - offset : 0;
    if (kept != 0) std::memmove(buffers_->window.data(), buffers_->window.data() + (offset - window_offset_), kept);
    // Far from what was read last, the next place may be far again.
    if (offset < window_offset_ || offset > window_offset_ + window_bytes_) read_ahead_ = kFirstReadBytes;
    const size_t wanted = std::max(size, read_ahead_);
    read_ahead_ = std::min(read_ahead_ * 2, kWindowBytes);
    char* const window = buffers_->window.Reserve(wanted, kept);
    window_offset_ = offset;
    window_bytes_ = kept;
    ASSIGN_OR_RETURN(const size_t got, source_->ReadAt(offset + kept, window + kept, wanted - kept));
    window_bytes_ += got;
  }
  const uint64_t skipped = offset - window_offset_;
  return ByteView(buffers_->window.data() + skipped, std::min<size_t>(size, window_bytes_ - skipped));
}

bool SegmentReader::MarkerFits(uint64_t offset, ByteView marker) const {
  const uint32_t crc = Crc32OfInt(CrcOfId(0, header_.id.value), static_cast<uint32_t>(offset));
  return marker.size() == kMarkerBytes && LoadBigEndian<uint32_t>(marker.data() + 4) == crc;
}

Status SegmentReader::Refresh(uint64_t limit) {
  ASSIGN_OR_RETURN(file_size_, source_->Size());
  options_.limit = limit;
  final_.reset();
  payload_ = {};
  // What was read before may have been written since.
  window_bytes_ = 0;
  read_ahead_ = kFirstReadBytes;
  look_at_marker_ = open_;
  if (in_section_ && !decompressor_) SetSectionEnd();
  return {};
}

Result<SegmentReader::Answer> SegmentReader::Next() {
  while (true) {
    ASSIGN_OR_RETURN(const Answer answer, Advance());
    if (options_.start == 0) return answer;
    const bool end = answer == Answer::kEnd || answer == Answer::kTorn;
    if (!end && position() <= options_.start) continue;
    if (stepped_ && !met_start_) {
      // A damaged section has lied about its length. Without stepping it is told of just as it was the first time.
      StartOver();
      stepped_ = false;
      continue;
    }
    if (!end) options_.start = 0;
    return answer;
  }
}

Result<SegmentReader::Answer> SegmentReader::Advance() {
  while (true) {
    if (final_) return *final_;
    met_start_ = met_start_ || position() == options_.start;
    if (!in_section_) {
      ASSIGN_OR_RETURN(const Answer entered, EnterSection());
      if (entered != Answer::kEntry) return entered;
    }
    ASSIGN_OR_RETURN(const Answer answer, NextInSection());
    if (answer != Answer::kEnd || final_) return answer;
    in_section_ = false;
  }
}

Result<SegmentReader::Answer> SegmentReader::EnterSection() {
  if (logical_marker_ >= options_.limit) return *(final_ = Answer::kEnd);
  section_marker_ = marker_;
  ASSIGN_OR_RETURN(const ByteView marker, Window(marker_, kMarkerBytes));
  if (marker.size() < kMarkerBytes) {
    // Plain segments are padded to their size, which may leave a few bytes; others end with a section.
    if (marker.empty() || (!decompressor_ && AllZero(marker))) return *(final_ = Answer::kEnd);
    return Torn(marker_, "the file ends within a sync marker");
  }
  const uint64_t next = LoadBigEndian<uint32_t>(marker.data());
  const uint32_t crc = LoadBigEndian<uint32_t>(marker.data() + 4);
  if (options_.live && crc == 0 && !decompressor_) return EnterOpen();
  if (next == 0 && crc == 0) return AtUnwrittenMarker();
  if (!MarkerFits(marker_, marker)) {
    if (crc == 0) return Torn(marker_, "a sync marker without its checksum");
    return Damaged(marker_, "a sync marker does not match its checksum", marker_);
  }
  if (next < marker_ + kMarkerBytes) return Damaged(marker_, "a sync marker points backwards", marker_);
  good_end_ = marker_ + kMarkerBytes;
  return decompressor_ ? EnterCompressed(next) : EnterPlain(next);
}

Result<SegmentReader::Answer> SegmentReader::AtUnwrittenMarker() {
  // Cassandra itself does not replay what stands behind. How much it is, the entries' own sizes tell.
  uint64_t end = marker_ + kMarkerBytes;
  while (true) {
    ASSIGN_OR_RETURN(const ByteView head, Window(end, kEntryHeadBytes));
    if (AllZero(head)) break;
    const uint32_t size = head.size() < kEntryHeadBytes ? 0 : LoadBigEndian<uint32_t>(head.data());
    if (size == 0 || LoadBigEndian<uint32_t>(head.data() + 4) != Crc32OfInt(0, size)) {
      end += head.size();
      break;
    }
    end = std::min(end + size + kEntryOverheadBytes, file_size_);
  }
  if (end == marker_ + kMarkerBytes) return *(final_ = Answer::kEnd);
  Torn(marker_, "writes that no sync marker covers: the node stopped, or was copied, before it had synced them");
  damage_.lost_bytes = end - marker_;
  return Answer::kTorn;
}

Result<SegmentReader::Answer> SegmentReader::EnterPlain(uint64_t next) {
  at_ = marker_ + kMarkerBytes;
  section_next_ = next;
  open_ = false;
  SetSectionEnd();
  in_section_ = true;
  // Everything in it is known from before.
  if (!section_cut_ && section_end_ <= options_.start) at_ = section_end_;
  return Answer::kEntry;
}

void SegmentReader::SetSectionEnd() {
  if (open_) {
    section_end_ = file_size_;
    return;
  }
  section_cut_ = section_next_ > file_size_;
  section_end_ = std::min(section_next_, file_size_);
  marker_ = logical_marker_ = section_end_;
}

Result<SegmentReader::Answer> SegmentReader::EnterOpen() {
  at_ = good_end_ = marker_ + kMarkerBytes;
  open_ = true;
  look_at_marker_ = false;
  section_cut_ = false;
  SetSectionEnd();
  in_section_ = true;
  return Answer::kEntry;
}

Result<SegmentReader::Answer> SegmentReader::CloseOpen() {
  look_at_marker_ = false;
  ASSIGN_OR_RETURN(const ByteView marker, Window(marker_, kMarkerBytes));
  // Its checksum is written last.
  if (marker.size() < kMarkerBytes || LoadBigEndian<uint32_t>(marker.data() + 4) == 0) return Answer::kEntry;
  open_ = false;
  if (!MarkerFits(marker_, marker)) return Damaged(marker_, "a sync marker does not match its checksum", marker_);
  const uint64_t next = LoadBigEndian<uint32_t>(marker.data());
  if (next < at_) return Damaged(marker_, "a sync marker points to before entries that stand behind it", marker_);
  section_next_ = next;
  SetSectionEnd();
  return Answer::kEntry;
}

Result<SegmentReader::Answer> SegmentReader::EnterCompressed(uint64_t next) {
  if (next > file_size_) {
    // Its end may also be what is damaged: the checksum does not cover it.
    ASSIGN_OR_RETURN(const uint64_t other, FindMarker(marker_ + kMarkerBytes));
    if (other == file_size_) return Torn(marker_, "the file ends within a compressed section");
    return Damaged(marker_, "a sync marker points beyond the file", file_size_);
  }
  if (step_over_) {
    ASSIGN_OR_RETURN(const bool stepped, StepOver(next));
    if (stepped) return Answer::kEntry;
  }
  const uint64_t stored = next - marker_ - kMarkerBytes;
  ASSIGN_OR_RETURN(const ByteView block, Window(marker_ + kMarkerBytes, stored));
  if (block.size() < stored) return Torn(marker_, "the file ends within a compressed section");
  if (const Status unpacked = Unpack(block); !unpacked) return Damaged(marker_, unpacked.error().message, next);
  section_cut_ = false;
  raw_start_ = at_ = logical_marker_ + kMarkerBytes;
  section_end_ = at_ + raw_bytes_;
  marker_ = next;
  logical_marker_ = section_end_;
  in_section_ = true;
  return Answer::kEntry;
}

Result<uint64_t> SegmentReader::ClaimedLength(uint64_t section, uint64_t next) {
  ASSIGN_OR_RETURN(const ByteView head, Window(section + kMarkerBytes, kSectionHeadBytes));
  if (head.size() < kSectionHeadBytes || next < section + kMarkerBytes + kSectionHeadBytes) return uint64_t{0};
  const uint64_t claimed = LoadBigEndian<uint32_t>(head.data());
  const uint64_t most = std::min(options_.max_section_bytes, (next - section) * kMaxBelievedRatio);
  if (claimed > most) return uint64_t{0};
  ASSIGN_OR_RETURN(const ByteView marker, Window(next, kMarkerBytes));
  return marker.empty() || MarkerFits(next, marker) ? claimed : 0;
}

Result<bool> SegmentReader::StepOver(uint64_t next) {
  ASSIGN_OR_RETURN(const uint64_t claimed, ClaimedLength(marker_, next));
  const uint64_t end = logical_marker_ + kMarkerBytes + claimed;
  if (claimed == 0 || end > options_.start) return false;
  marker_ = next;
  logical_marker_ = section_end_ = at_ = end;
  section_cut_ = false;
  in_section_ = stepped_ = true;
  return true;
}

void SegmentReader::StartOver() {
  step_over_ = in_section_ = open_ = false;
  marker_ = logical_marker_ = first_marker_;
  final_.reset();
}

// Decompresses a stored section into the raw buffer and raw_bytes_.
Status SegmentReader::Unpack(ByteView stored) {
  if (stored.size() < kSectionHeadBytes) return Corrupt("a compressed section without its length");
  const uint32_t claimed = LoadBigEndian<uint32_t>(stored.data());
  const ByteView block = stored.substr(kSectionHeadBytes);
  raw_bytes_ = 0;
  if (block.empty() && claimed == 0) return {};
  ASSIGN_OR_RETURN(const uint64_t limit, decompressor_->RawLengthLimit(block));
  if (claimed > limit || claimed > options_.max_section_bytes) {
    return Corrupt(fmt::format("a compressed section of {} bytes claims {}", stored.size(), claimed));
  }
  char* const raw = buffers_->raw.Reserve(claimed, 0);
  ASSIGN_OR_RETURN(const size_t made, decompressor_->Decompress(block, raw, claimed));
  if (made != claimed) return Corrupt("a compressed section is shorter than it claims");
  raw_bytes_ = made;
  return {};
}

Result<ByteView> SegmentReader::InSection(uint64_t offset, size_t size) {
  if (decompressor_) return ByteView(buffers_->raw.data() + (offset - raw_start_), size);
  return Window(offset, size);
}

Result<SegmentReader::Answer> SegmentReader::NextInOpen() {
  ASSIGN_OR_RETURN(const ByteView head, Window(at_, kEntryHeadBytes));
  if (head.size() < kEntryHeadBytes) return *(final_ = Answer::kEnd);
  const uint32_t size = LoadBigEndian<uint32_t>(head.data());
  const uint32_t size_crc = Crc32OfInt(0, size);
  const uint64_t bytes = uint64_t{size} + kEntryOverheadBytes;
  if (size < kMinEntryBytes || LoadBigEndian<uint32_t>(head.data() + 4) != size_crc || bytes > section_end_ - at_ ||
      at_ + bytes > options_.limit) {
    return *(final_ = Answer::kEnd);
  }
  ASSIGN_OR_RETURN(const ByteView entry, Window(at_, bytes));
  if (entry.size() < bytes) return *(final_ = Answer::kEnd);
  const ByteView payload = entry.substr(kEntryHeadBytes, size);
  if (LoadBigEndian<uint32_t>(entry.data() + kEntryHeadBytes + size) != Crc32(size_crc, payload)) {
    return *(final_ = Answer::kEnd);
  }
  payload_ = payload;
  GoTo(at_ + bytes);
  end_offset_ = at_;
  return Answer::kEntry;
}

Result<bool> SegmentReader::QuietBehind() {
  if (decompressor_) return marker_ >= file_size_;
  const uint64_t from = in_section_ ? at_ : marker_;
  std::array<char, kFirstReadBytes> bytes;
  ASSIGN_OR_RETURN(const size_t got, source_->ReadAt(from, bytes.data(), bytes.size()));
  return AllZero(ByteView(bytes.data(), got));
}

Result<SegmentReader::Answer> SegmentReader::NextInSection() {
  if (open_) {
    if (look_at_marker_) {
      ASSIGN_OR_RETURN(const Answer closed, CloseOpen());
      if (closed != Answer::kEntry) return closed;
    }
    if (open_) return NextInOpen();
  }
  if (at_ == section_end_) {
    if (section_cut_) return Torn(at_, "the file ends within a section");
    return Answer::kEnd;
  }
  const uint64_t left = section_end_ - at_;
  const size_t head_bytes = std::min<uint64_t>(left, kEntryHeadBytes);
  ASSIGN_OR_RETURN(const ByteView head, InSection(at_, head_bytes));
  if (head.size() < kEntryHeadBytes) {
    if (AllZero(head)) return AtZeroSize();
    if (section_cut_ || head.size() < head_bytes) return Torn(at_, "the file ends within an entry");
    return DamagedInSection(at_, "a section ends within an entry");
  }
  const uint32_t size = LoadBigEndian<uint32_t>(head.data());
  if (size == 0) return AtZeroSize();
  const uint32_t size_crc = Crc32OfInt(0, size);
  if (LoadBigEndian<uint32_t>(head.data() + 4) != size_crc) {
    return DamagedInSection(at_, "an entry's size does not match its checksum");
  }
  if (size < kMinEntryBytes) return DamagedInSection(at_, fmt::format("an entry of {} bytes", size));
  if (size + kEntryOverheadBytes > left) {
    if (section_cut_) return Torn(at_, "the file ends within an entry");
    return DamagedInSection(at_, fmt::format("an entry of {} bytes reaches beyond its section", size));
  }
  const uint64_t end = at_ + size + kEntryOverheadBytes;
  if (end > options_.limit) return *(final_ = Answer::kEnd);
  ASSIGN_OR_RETURN(const ByteView entry, InSection(at_, size + kEntryOverheadBytes));
  if (entry.size() < size + kEntryOverheadBytes) return Torn(at_, "the file ends within an entry");
  payload_ = entry.substr(kEntryHeadBytes, size);
  if (LoadBigEndian<uint32_t>(entry.data() + kEntryHeadBytes + size) != Crc32(size_crc, payload_)) {
    // Its size is sound: the entries behind it can be read.
    damage_ = {decompressor_ ? section_marker_ : at_, size + kEntryOverheadBytes,
               fmt::format("the entry at logical offset {} does not match its checksum", at_)};
    GoTo(end);
    return Answer::kCorrupt;
  }
  GoTo(end);
  end_offset_ = end;
  return Answer::kEntry;
}

void SegmentReader::GoTo(uint64_t entry) {
  at_ = entry;
  if (!decompressor_) good_end_ = entry;
}

Result<SegmentReader::Answer> SegmentReader::AtZeroSize() {
  // Room that a writer took and never filled: nothing is lost if nothing stands behind it either.
  for (uint64_t offset = at_; offset < section_end_;) {
    ASSIGN_OR_RETURN(const ByteView bytes, InSection(offset, std::min<uint64_t>(section_end_ - offset, kWindowBytes)));
    if (bytes.empty()) break;
    if (!AllZero(bytes)) return DamagedInSection(at_, "an entry without a size, and bytes behind it");
    offset += bytes.size();
  }
  if (section_cut_) return Torn(section_end_, "the file ends within a section");
  at_ = section_end_;
  return Answer::kEnd;
}

SegmentReader::Answer SegmentReader::Torn(uint64_t offset, std::string what) {
  damage_ = {offset, file_size_ > offset ? file_size_ - offset : 0, std::move(what)};
  return *(final_ = Answer::kTorn);
}

Result<SegmentReader::Answer> SegmentReader::DamagedInSection(uint64_t logical, std::string what) {
  in_section_ = false;
  if (!decompressor_) return Damaged(logical, std::move(what), section_end_);
  // The section is whole, so the next marker is known to be right. What is lost is counted in the file's bytes.
  const uint64_t next = marker_;
  damage_ = {section_marker_, next - section_marker_,
             fmt::format("{} (logical offset {} of a decompressed section)", what, logical)};
  return Answer::kCorrupt;
}

Result<SegmentReader::Answer> SegmentReader::Damaged(uint64_t from, std::string what, uint64_t section_end) {
  in_section_ = false;
  // The section's end is not to be trusted, for no checksum covers it: a marker that stands before it is the true one.
  // It may even stand before the place where the damage was seen, as long as that is behind all that was found good.
  ASSIGN_OR_RETURN(uint64_t resume, FindMarker(good_end_));
  if (section_end > from && section_end < resume) {
    ASSIGN_OR_RETURN(const ByteView marker, Window(section_end, kMarkerBytes));
    if (MarkerFits(section_end, marker) || (marker.size() == kMarkerBytes && AllZero(marker))) resume = section_end;
  }
  damage_ = {from, resume > from ? resume - from : 0, std::move(what)};
  marker_ = resume;
  if (!decompressor_) {
    logical_marker_ = resume;
    return Answer::kCorrupt;
  }
  // Logical offsets go on as Cassandra counts them if the lost section's length can be believed; else they just rise.
  ASSIGN_OR_RETURN(const uint64_t claimed, ClaimedLength(section_marker_, section_end));
  logical_marker_ += resume == section_end && claimed != 0 ? kMarkerBytes + claimed : resume - section_marker_;
  return Answer::kCorrupt;
}

// The first offset from `from` on at which a marker of this segment stands, by its checksum; else the file's end.
Result<uint64_t> SegmentReader::FindMarker(uint64_t from) {
  const uint32_t id_crc = CrcOfId(0, header_.id.value);
  while (from + kMarkerBytes <= file_size_) {
    ASSIGN_OR_RETURN(const ByteView bytes, Window(from, kWindowBytes));
    if (bytes.size() < kMarkerBytes) break;
    for (size_t i = 0; i + kMarkerBytes <= bytes.size(); ++i, ++from) {
      const uint64_t next = LoadBigEndian<uint32_t>(bytes.data() + i);
      if (next < from + kMarkerBytes || next > file_size_) continue;
      if (LoadBigEndian<uint32_t>(bytes.data() + i + 4) == Crc32OfInt(id_crc, static_cast<uint32_t>(from))) return from;
    }
  }
  return file_size_;
}

}  // namespace braid
