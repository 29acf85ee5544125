// Values of one size, turned into bytes that sort as they do. Shared by CompareValues and the row keys of
// cassandra/types/comparable.h, which must agree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "model/type.h"

namespace braid {

inline constexpr const char kLexicalUuidClass[] = "org.apache.cassandra.db.marshal.LexicalUUIDType";

// The bytes of every non-empty value of the type; 0 if they vary.
inline size_t ExactSize(const Type& type) {
  switch (type.kind) {
    case TypeKind::kBoolean:
    case TypeKind::kTinyint:
      return 1;
    case TypeKind::kSmallint:
      return 2;
    case TypeKind::kInt:
    case TypeKind::kFloat:
    case TypeKind::kDate:
      return 4;
    case TypeKind::kBigint:
    case TypeKind::kCounter:
    case TypeKind::kDouble:
    case TypeKind::kTime:
    case TypeKind::kTimestamp:
      return 8;
    case TypeKind::kUuid:
    case TypeKind::kTimeuuid:
      return 16;
    case TypeKind::kCustom:
      return type.class_name == kLexicalUuidClass ? 16 : 0;
    default:
      return 0;
  }
}

// The most that ExactSize gives.
inline constexpr size_t kMaxExactSize = 16;

// IEEE bits in the order of Java's compare: -0 before 0, all NaNs alike and last.
template <typename Bits>
inline Bits OrderedFloat(Bits bits, Bits infinity) {
  constexpr Bits kSign = Bits{1} << (8 * sizeof(Bits) - 1);
  if ((bits & ~kSign) > infinity) return ~Bits{0};
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

// The first half of a version 1 UUID with its time in order: high (under the version), middle, low.
inline uint64_t OrderedUuidTime(uint64_t high) {
  return (high << 48) | ((high << 16) & 0xFFFF00000000) | (high >> 32);
}

// The same for a uuid: by version first, then by time or, but for version 1, by the bytes as they stand.
inline uint64_t OrderedUuid(uint64_t high) {
  const uint64_t version = (high >> 12) & 0xF;
  return version == 1 ? OrderedUuidTime(high) : (version << 60) | ((high >> 16) << 12) | (high & 0xFFF);
}

// Writes to `to` the ExactSize(type) > 0 bytes that stand for those at `from`: compared as unsigned bytes they give
// Cassandra's order. Distinct values give distinct bytes, but for booleans (all but 0 are true) and NaNs.
inline void StoreOrdered(const Type& type, const char* from, char* to) {
  constexpr uint64_t kSign = uint64_t{1} << 63;
  switch (type.kind) {
    case TypeKind::kBoolean:
      *to = *from != 0 ? 1 : 0;
      return;
    case TypeKind::kTinyint:
    case TypeKind::kSmallint:
    case TypeKind::kInt:
    case TypeKind::kBigint:
    case TypeKind::kCounter:
    case TypeKind::kTimestamp:
      std::memcpy(to, from, ExactSize(type));
      *to = static_cast<char>(*to ^ 0x80);
      return;
    case TypeKind::kFloat:
      return StoreBigEndian(to, OrderedFloat<uint32_t>(LoadBigEndian<uint32_t>(from), 0x7F800000));
    case TypeKind::kDouble:
      return StoreBigEndian(to, OrderedFloat<uint64_t>(LoadBigEndian<uint64_t>(from), 0x7FF0000000000000));
    case TypeKind::kUuid:
      StoreBigEndian(to, OrderedUuid(LoadBigEndian<uint64_t>(from)));
      std::memcpy(to + 8, from + 8, 8);
      return;
    case TypeKind::kTimeuuid:
      StoreBigEndian(to, OrderedUuidTime(LoadBigEndian<uint64_t>(from)));
      // Here the second half counts as signed bytes.
      StoreBigEndian(to + 8, LoadBigEndian<uint64_t>(from + 8) ^ 0x8080808080808080);
      return;
    case TypeKind::kCustom:  // LexicalUUIDType: java.util.UUID compares its halves as signed numbers
      StoreBigEndian(to, LoadBigEndian<uint64_t>(from) ^ kSign);
      StoreBigEndian(to + 8, LoadBigEndian<uint64_t>(from + 8) ^ kSign);
      return;
    default:  // date, time
      std::memcpy(to, from, ExactSize(type));
  }
}

}  // namespace braid
