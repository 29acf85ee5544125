#include "cassandra/schema/values.h"

#include <algorithm>

#include "base/cursor.h"

namespace braid {
namespace {

std::string ReadElement(Cursor* from) {
  const int32_t size = from->I32();
  if (size < 0) from->Fail("a null element");
  return std::string(from->Bytes(from->ok() ? static_cast<uint64_t>(size) : 0));
}

}  // namespace

std::optional<bool> ReadBoolean(const std::string* value) {
  if (value == nullptr || value->size() != 1) return std::nullopt;
  return (*value)[0] != 0;
}

std::optional<int32_t> ReadInt(const std::string* value) {
  if (value == nullptr || value->size() != sizeof(int32_t)) return std::nullopt;
  return LoadBigEndian<int32_t>(value->data());
}

std::optional<int64_t> ReadTimestamp(const std::string* value) {
  if (value == nullptr || value->size() != sizeof(int64_t)) return std::nullopt;
  return LoadBigEndian<int64_t>(value->data());
}

std::optional<std::array<uint8_t, 16>> ReadUuid(const std::string* value) {
  std::array<uint8_t, 16> uuid;
  if (value == nullptr || value->size() != uuid.size()) return std::nullopt;
  std::copy(value->begin(), value->end(), uuid.begin());
  return uuid;
}

std::optional<std::vector<std::string>> ReadTexts(const std::string* value) {
  if (value == nullptr) return std::nullopt;
  Cursor from(*value);
  std::vector<std::string> texts;
  const int32_t count = from.I32();
  for (int32_t i = 0; i < count && from.ok(); ++i) texts.push_back(ReadElement(&from));
  if (!from.ok() || !from.AtEnd()) return std::nullopt;
  return texts;
}

std::optional<std::map<std::string, std::string>> ReadTextMap(const std::string* value) {
  if (value == nullptr) return std::nullopt;
  Cursor from(*value);
  std::map<std::string, std::string> map;
  const int32_t count = from.I32();
  for (int32_t i = 0; i < count && from.ok(); ++i) {
    std::string key = ReadElement(&from);
    map[std::move(key)] = ReadElement(&from);
  }
  if (!from.ok() || !from.AtEnd()) return std::nullopt;
  return map;
}

}  // namespace braid
