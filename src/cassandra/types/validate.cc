#include "cassandra/types/validate.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "base/cursor.h"
#include "model/order_key.h"
#include "model/parts.h"

namespace braid {
namespace {

Error Invalid(const Type& type, const std::string& why) {
  return Corrupt("not a value of " + ToCql(type) + ": " + why);
}

bool IsContinuation(char byte) {
  return (byte & 0xC0) == 0x80;
}

// The length of the UTF-8 character that `text` begins with, 0 if it begins with none. As Cassandra's own validator,
// which is looser than the standard: surrogates pass, C0 80 for NUL, and nearly any second byte after E0 and F0.
size_t Utf8CharacterSize(ByteView text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return 1;
  if (lead < 0xC0 || lead == 0xC1 || lead >= 0xF8) return 0;
  const size_t size = lead < 0xE0 ? 2 : (lead < 0xF0 ? 3 : 4);
  if (text.size() < size) return 0;
  const auto second = static_cast<uint8_t>(text[1]);
  bool second_is_good = IsContinuation(text[1]);
  if (lead == 0xC0) second_is_good = second == 0x80;
  if (lead == 0xE0) second_is_good = (second & 0xE0) != 0x80;
  if (lead == 0xF0) second_is_good = (second & 0x30) != 0;
  if (!second_is_good) return 0;
  for (size_t i = 2; i < size; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  return size;
}

Status ValidateText(const Type& type, ByteView value) {
  const bool ascii = type.kind == TypeKind::kAscii;
  for (size_t i = 0; i < value.size();) {
    const size_t size = Utf8CharacterSize(value.substr(i));
    if (size == 0 || (ascii && size > 1)) {
      return Invalid(type, std::string("byte ") + std::to_string(i) + (ascii ? " is not ASCII" : " is not UTF-8"));
    }
    i += size;
  }
  return {};
}

Status ValidateDuration(const Type& type, ByteView value) {
  Cursor cursor(value);
  const int64_t months = cursor.SignedVint();
  const int64_t days = cursor.SignedVint();
  const int64_t nanoseconds = cursor.SignedVint();
  if (!cursor.ok()) return Invalid(type, cursor.reason());
  const auto fits = [](int64_t number) { return number == static_cast<int32_t>(number); };
  if (!fits(months) || !fits(days)) return Invalid(type, "more than 32 bits of months or days");
  const bool some_above = months > 0 || days > 0 || nanoseconds > 0;
  const bool some_below = months < 0 || days < 0 || nanoseconds < 0;
  if (some_above && some_below) return Invalid(type, "parts of both signs");
  return {};
}

Status ValidateParts(const Type& type, ByteView value) {
  PartReader parts(type, value);
  while (const std::optional<Part> part = parts.Next()) {
    if (part->type == nullptr) return Invalid(type, "more fields than the type has");
    if (!part->null) TRY(ValidateValue(*part->type, part->bytes));
  }
  if (!parts.ok()) return Invalid(type, parts.reason());
  return {};
}

bool EmptyIsValid(TypeKind kind) {
  switch (kind) {
    case TypeKind::kTinyint:
    case TypeKind::kSmallint:
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kDuration:
    case TypeKind::kList:
    case TypeKind::kSet:
    case TypeKind::kMap:
    case TypeKind::kVector:
      return false;
    default:
      return true;
  }
}

}  // namespace

Status ValidateValue(const Type& type, ByteView value) {
  if (value.empty()) {
    if (!EmptyIsValid(type.kind)) return Invalid(type, "no bytes");
    return {};
  }
  const size_t size = ExactSize(type);
  if (size > 0 && value.size() != size) {
    return Invalid(type, std::to_string(value.size()) + " bytes instead of " + std::to_string(size));
  }
  switch (type.kind) {
    case TypeKind::kTimeuuid:
      if ((value[6] & 0xF0) != 0x10) return Invalid(type, "a UUID of another version than 1");
      return {};
    case TypeKind::kEmpty:
      return Invalid(type, "bytes where there should be none");
    case TypeKind::kInet:
      if (value.size() != 4 && value.size() != 16) return Invalid(type, "neither 4 nor 16 bytes");
      return {};
    case TypeKind::kDecimal:
      if (value.size() < 5) return Invalid(type, "fewer than 5 bytes");
      return {};
    case TypeKind::kDuration:
      return ValidateDuration(type, value);
    case TypeKind::kAscii:
    case TypeKind::kText:
      return ValidateText(type, value);
    case TypeKind::kList:
    case TypeKind::kSet:
    case TypeKind::kMap:
    case TypeKind::kTuple:
    case TypeKind::kUdt:
    case TypeKind::kVector:
      return ValidateParts(type, value);
    default:
      return {};
  }
}

}  // namespace braid
