// The values in Cassandra's schema tables. An absent or malformed one gives nothing: definitions are checked as a
// whole.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace braid {

std::optional<bool> ReadBoolean(const std::string* value);
std::optional<int32_t> ReadInt(const std::string* value);
// Milliseconds since 1970.
std::optional<int64_t> ReadTimestamp(const std::string* value);
std::optional<std::array<uint8_t, 16>> ReadUuid(const std::string* value);
// A frozen list or set of texts.
std::optional<std::vector<std::string>> ReadTexts(const std::string* value);
// A frozen map from text to text.
std::optional<std::map<std::string, std::string>> ReadTextMap(const std::string* value);

}  // namespace braid
