#include "codec/row_state.h"

#include "base/cursor.h"
#include "base/vint.h"
#include "codec/parts.h"
#include "codec/version.h"

namespace braid {
namespace {

constexpr uint8_t kRowVersion = 1;
constexpr const char* kRowWhat = "row state";
// Above codec::kRowPartBits.
constexpr uint8_t kRowEmittedBase = 16;  // last_emitted is the base time
constexpr uint8_t kRowIncomplete = 32;
constexpr uint8_t kRowExpired = 64;  // expired_through is set
constexpr uint8_t kRowBits = 127;

constexpr uint8_t kHeaderVersion = 1;
constexpr const char* kHeaderWhat = "partition header";
constexpr uint8_t kHeaderDeletion = 1;
constexpr uint8_t kHeaderRanges = 2;
constexpr uint8_t kHeaderIncomplete = 4;
constexpr uint8_t kHeaderEmittedClock = 8;  // last_emitted is the clock
constexpr uint8_t kHeaderBits = 15;

// Differences are short if the base is near the other times; None is near to nothing.
WriteTime BaseOf(const RowState& state, const codec::RowParts& parts) {
  const WriteTime first = codec::FirstTime(parts);
  if (!first.none()) return first;
  return state.last_emitted.none() ? WriteTime{0} : state.last_emitted;
}

}  // namespace

void AppendRowState(std::string* to, const RowState& state) {
  const codec::RowParts parts{state.liveness, state.deletion, state.complex_deletions, state.cells};
  const WriteTime base = BaseOf(state, parts);
  uint8_t flags = codec::RowFlags(parts);
  if (state.last_emitted == base) flags |= kRowEmittedBase;
  if (!state.complete) flags |= kRowIncomplete;
  const bool expired = state.expired_through != RowState{}.expired_through;
  if (expired) flags |= kRowExpired;
  to->push_back(static_cast<char>(kRowVersion));
  to->push_back(static_cast<char>(flags));
  AppendSignedVint(to, base.us);
  AppendVint(to, state.revision);
  if ((flags & kRowEmittedBase) == 0) codec::AppendTime(to, base, state.last_emitted);
  if (expired) codec::AppendSecond(to, base, state.expired_through);
  codec::AppendVintBytes(to, state.clustering);
  if (!state.complete) codec::AppendColumnIds(to, state.unknown);
  codec::AppendRowParts(to, base, parts);
}

Result<RowState> DecodeRowState(ByteView bytes, uint32_t column_limit, Arena* arena) {
  Cursor from(bytes);
  TRY(ReadVersion(&from, kRowVersion, kRowWhat));
  RowState state;
  const uint8_t flags = from.U8();
  if ((flags & ~kRowBits) != 0) from.Fail("unknown flags");
  const WriteTime base{from.SignedVint()};
  state.revision = from.Vint();
  state.last_emitted = (flags & kRowEmittedBase) != 0 ? base : codec::ReadTime(&from, base);
  if ((flags & kRowExpired) != 0) state.expired_through = codec::ReadSecond(&from, base);
  state.clustering = from.VintBytes();
  state.complete = (flags & kRowIncomplete) == 0;
  if (!state.complete) state.unknown = codec::ReadColumnIds(&from, column_limit, arena);
  const codec::RowParts parts = codec::ReadRowParts(&from, base, flags, column_limit, arena);
  TRY(FinishRecord(&from, kRowWhat));
  state.liveness = parts.liveness;
  state.deletion = parts.deletion;
  state.complex_deletions = parts.complex_deletions;
  state.cells = parts.cells;
  return state;
}

void AppendPartitionHeader(std::string* to, const PartitionHeader& header) {
  uint8_t flags = 0;
  if (!header.deletion.live()) flags |= kHeaderDeletion;
  if (!header.ranges.empty()) flags |= kHeaderRanges;
  if (!header.complete) flags |= kHeaderIncomplete;
  if (header.last_emitted == header.clock) flags |= kHeaderEmittedClock;
  to->push_back(static_cast<char>(kHeaderVersion));
  to->push_back(static_cast<char>(flags));
  AppendSignedVint(to, header.clock.us);
  if ((flags & kHeaderEmittedClock) == 0) codec::AppendTime(to, header.clock, header.last_emitted);
  if ((flags & kHeaderDeletion) != 0) codec::AppendDeletion(to, header.clock, header.deletion);
  if ((flags & kHeaderRanges) != 0) codec::AppendRanges(to, header.clock, header.ranges);
}

Result<PartitionHeader> DecodePartitionHeader(ByteView bytes, Arena* arena) {
  Cursor from(bytes);
  TRY(ReadVersion(&from, kHeaderVersion, kHeaderWhat));
  PartitionHeader header;
  const uint8_t flags = from.U8();
  if ((flags & ~kHeaderBits) != 0) from.Fail("unknown flags");
  header.clock = WriteTime{from.SignedVint()};
  header.last_emitted = (flags & kHeaderEmittedClock) != 0 ? header.clock : codec::ReadTime(&from, header.clock);
  if ((flags & kHeaderDeletion) != 0) header.deletion = codec::ReadDeletion(&from, header.clock);
  if ((flags & kHeaderRanges) != 0) header.ranges = codec::ReadRanges(&from, header.clock, arena);
  header.complete = (flags & kHeaderIncomplete) == 0;
  TRY(FinishRecord(&from, kHeaderWhat));
  return header;
}

}  // namespace braid
