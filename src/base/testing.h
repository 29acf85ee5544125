// What the unit tests of several rooms need. Only tests include it.
#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace braid {

// Bytes from hexadecimal digits, e.g. "00ff"; "-" too stands for no bytes.
inline std::string FromHex(std::string_view hex) {
  std::string bytes;
  if (hex == "-") return bytes;
  CHECK(hex.size() % 2 == 0);
  for (size_t i = 0; i < hex.size(); i += 2) {
    uint8_t byte = 0;
    CHECK(std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16).ptr == hex.data() + i + 2);
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

// The lines of a file, split at tabs, of which the first field is `kind`. CHECKs that there are some.
inline std::vector<std::vector<std::string>> ReadTabLines(const std::filesystem::path& path, std::string_view kind) {
  std::ifstream file(path);
  std::vector<std::vector<std::string>> lines;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> fields(1);
    for (const char c : line) {
      if (c == '\t') {
        fields.emplace_back();
      } else {
        fields.back().push_back(c);
      }
    }
    if (fields[0] == kind) lines.push_back(std::move(fields));
  }
  CHECK(!lines.empty());
  return lines;
}

// What Cassandra itself says of many values: see cassandra/types/testdata. `test_file` is the test's __FILE__ in a room
// `depth` folders below src/.
inline std::filesystem::path CassandraValuesPath(const char* test_file, int depth) {
  std::filesystem::path source = std::filesystem::path(test_file).parent_path();
  for (int i = 0; i < depth; ++i) source = source.parent_path();
  return source / "cassandra/types/testdata/cassandra_values.tsv";
}

}  // namespace braid
