// Within spill: a record as it lies in the sort's memory and in a run's blocks: the sizes of key and value (two 32-bit
// integers of this machine: the bytes never leave it), key, value.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace braid::spill {

inline constexpr size_t kRecordHeaderBytes = 2 * sizeof(uint32_t);

struct Record {
  ByteView key;
  ByteView value;

  size_t size() const { return kRecordHeaderBytes + key.size() + value.size(); }
  // The record as it lies there; only of one that LoadRecord gave.
  ByteView stored() const { return {key.data() - kRecordHeaderBytes, size()}; }
  // The order of the sort.
  bool operator<(const Record& other) const {
    const int order = key.compare(other.key);
    return order != 0 ? order < 0 : value < other.value;
  }
};

// The record that StoreRecord wrote at `from`.
inline Record LoadRecord(const char* from) {
  uint32_t sizes[2];
  std::memcpy(sizes, from, sizeof(sizes));
  return {{from + kRecordHeaderBytes, sizes[0]}, {from + kRecordHeaderBytes + sizes[0], sizes[1]}};
}

// Writes record.size() bytes to `to`.
inline void StoreRecord(char* to, const Record& record) {
  const uint32_t sizes[2] = {static_cast<uint32_t>(record.key.size()), static_cast<uint32_t>(record.value.size())};
  std::memcpy(to, sizes, sizeof(sizes));
  record.key.copy(to + kRecordHeaderBytes, record.key.size());
  record.value.copy(to + kRecordHeaderBytes + record.key.size(), record.value.size());
}

// The key's first eight bytes as a number that sorts as they do, so that most comparisons need no other memory. Keys of
// equal prefixes may be in any order.
inline uint64_t PrefixOf(ByteView key) {
  char bytes[8] = {};
  key.copy(bytes, sizeof(bytes));
  return LoadBigEndian<uint64_t>(bytes);
}

}  // namespace braid::spill
