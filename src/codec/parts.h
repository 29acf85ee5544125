// Within codec: the pieces that several record forms share. Layout: docs/formats/row-state.md, "Shared pieces".
//
// Times are stored as differences from one base time of the record. Differences wrap around in 64 bits, so that every
// pair of times has one.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/cursor.h"
#include "base/vint.h"
#include "model/mutation.h"
#include "model/position.h"
#include "model/schema.h"
#include "model/time.h"

namespace braid::codec {

// What a row is in every form of one: the low bits of its flags say which parts follow.
inline constexpr uint8_t kRowLiveness = 1;
inline constexpr uint8_t kRowExpires = 2;
inline constexpr uint8_t kRowDeletion = 4;
inline constexpr uint8_t kRowComplexDeletions = 8;
inline constexpr uint8_t kRowPartBits = 15;

struct RowParts {
  Liveness liveness;
  Deletion deletion;
  std::span<const ComplexDeletion> complex_deletions;
  std::span<const Cell> cells;
};

// The time of the first thing that was written in `parts`, or None: a good base for the rest.
WriteTime FirstTime(const RowParts& parts);

uint8_t RowFlags(const RowParts& parts);
// The parts that `RowFlags(parts)` names, then the cells.
void AppendRowParts(std::string* to, WriteTime base, const RowParts& parts);
// Fails the cursor if `flags` cannot be. Column ids at or above `column_limit` fail too.
RowParts ReadRowParts(Cursor* from, WriteTime base, uint8_t flags, uint32_t column_limit, Arena* arena);

void AppendTime(std::string* to, WriteTime base, WriteTime time);
WriteTime ReadTime(Cursor* from, WriteTime base);

// A second near that of `time`.
void AppendSecond(std::string* to, WriteTime time, UnixSeconds second);
UnixSeconds ReadSecond(Cursor* from, WriteTime time);

// A deletion that is not live.
void AppendDeletion(std::string* to, WriteTime base, const Deletion& deletion);
Deletion ReadDeletion(Cursor* from, WriteTime base);

void AppendBound(std::string* to, const Bound& bound);
Bound ReadBound(Cursor* from);

void AppendRanges(std::string* to, WriteTime base, std::span<const RangeDeletion> ranges);
std::span<const RangeDeletion> ReadRanges(Cursor* from, WriteTime base, Arena* arena);

void AppendPosition(std::string* to, const Position& position);
Position ReadPosition(Cursor* from);

// Rising ids.
void AppendColumnIds(std::string* to, std::span<const ColumnId> ids);
std::span<const ColumnId> ReadColumnIds(Cursor* from, uint32_t column_limit, Arena* arena);

inline void AppendVintBytes(std::string* to, ByteView bytes) {
  AppendVint(to, bytes.size());
  to->append(bytes);
}

// A count of things of which each takes at least `least_bytes`: fails if they cannot all follow. So whatever is
// allocated for them is in proportion to the record.
inline size_t ReadCount(Cursor* from, size_t least_bytes) {
  const uint64_t count = from->Vint();
  if (count > from->remaining() / least_bytes) {
    from->Fail("a count exceeds the bytes that follow");
    return 0;
  }
  return static_cast<size_t>(count);
}

}  // namespace braid::codec
