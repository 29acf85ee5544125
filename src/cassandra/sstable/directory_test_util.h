// Transaction logs for tests.
#pragma once

#include <cstdint>
#include <string>

#include "base/checksum.h"

namespace braid {

// A line as Cassandra writes it: TYPE:[path,update time,files][checksum].
inline std::string Line(const std::string& type, const std::string& path, uint64_t time_ms, uint32_t files) {
  uint32_t crc = Crc32(Crc32(0, path), type);
  crc = Crc32OfInt(Crc32OfInt(crc, static_cast<uint32_t>(time_ms)), static_cast<uint32_t>(time_ms >> 32));
  crc = Crc32OfInt(crc, files);
  return type + ":[" + path + "," + std::to_string(time_ms) + "," + std::to_string(files) + "][" + std::to_string(crc) +
         "]\n";
}

}  // namespace braid
