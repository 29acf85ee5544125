// Writes rows byte by byte, for tests: the format once more, from the writer's side. Nothing is checked, so that wrong
// bytes can be written too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/vint.h"

namespace braid {

// What stats count from.
inline constexpr int64_t kStatsEpochUs = 1442880000000000;
inline constexpr int64_t kStatsEpochS = 1442880000;

// A string of bytes that grows by one field a call.
class RowBytes {
 public:
  RowBytes& U8(uint8_t value) { return Raw(std::string(1, static_cast<char>(value))); }
  RowBytes& U16(uint16_t value) {
    AppendBigEndian(&bytes_, value);
    return *this;
  }
  RowBytes& I32(int32_t value) {
    AppendBigEndian(&bytes_, value);
    return *this;
  }
  RowBytes& I64(int64_t value) {
    AppendBigEndian(&bytes_, value);
    return *this;
  }
  RowBytes& Vint(uint64_t value) {
    AppendVint(&bytes_, value);
    return *this;
  }
  RowBytes& Raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  // A vint length and the bytes.
  RowBytes& Text(std::string_view bytes) { return Vint(bytes.size()).Raw(bytes); }

  // Encoding stats with these bases.
  RowBytes& Stats(int64_t min_timestamp_us, int64_t min_local_deletion_s = kStatsEpochS, int32_t min_ttl_s = 0) {
    return Vint(static_cast<uint64_t>(min_timestamp_us - kStatsEpochUs))
        .Vint(static_cast<uint64_t>(min_local_deletion_s - kStatsEpochS))
        .Vint(static_cast<uint64_t>(min_ttl_s));
  }
  RowBytes& Columns(const std::vector<std::string>& names) {
    Vint(names.size());
    for (const std::string& name : names) Text(name);
    return *this;
  }

  const std::string& bytes() const { return bytes_; }
  operator std::string_view() const { return bytes_; }  // NOLINT(google-explicit-constructor)

 private:
  std::string bytes_;
};

}  // namespace braid
