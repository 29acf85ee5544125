#include "cassandra/types/comparable.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>

#include "model/number.h"
#include "model/order_key.h"
#include "model/parts.h"

namespace braid {
namespace {

// What a component begins with. A sequence of components within another ends with kEnd.
constexpr char kEnd = 0x00;
constexpr char kNull = 0x01;
constexpr char kEmpty = 0x02;
constexpr char kValue = 0x03;
constexpr char kUnparsed = 0x04;

void Complement(std::string* key, size_t from) {
  for (size_t i = from; i < key->size(); ++i) (*key)[i] = static_cast<char>(~(*key)[i]);
}

// Any bytes, prefix-free: 00 becomes 00 01, and 00 00 ends them.
void AppendEscaped(ByteView bytes, std::string* key) {
  while (!bytes.empty()) {
    const size_t zero = bytes.find('\0');
    if (zero == ByteView::npos) {
      key->append(bytes);
      break;
    }
    key->append(bytes.data(), zero + 1);
    key->push_back('\x01');
    bytes.remove_prefix(zero + 1);
  }
  key->append(2, '\0');
}

void AppendUnparsed(ByteView bytes, std::string* key) {
  key->push_back(kUnparsed);
  AppendEscaped(bytes, key);
}

// The length before the number, so that longer ones are further from 0: 80 + length, or FF and 4 bytes of length from
// 127 bytes on; complemented for a negative number, whose own bytes already sort.
void AppendVarint(ByteView varint, std::string* key) {
  varint = TrimVarint(varint);
  const size_t start = key->size();
  if (varint.size() < 127) {
    key->push_back(static_cast<char>(0x80 + varint.size()));
  } else {
    key->push_back('\xFF');
    AppendBigEndian(key, static_cast<uint32_t>(varint.size()));
  }
  if (static_cast<int8_t>(varint[0]) < 0) Complement(key, start);
  key->append(varint);
}

// The sign; then, complemented for a negative number, the exponent as a varint and the digits, two to a byte (1 to
// 100), to an end of 0.
void AppendDecimal(const NormalDecimal& decimal, std::string* key) {
  key->push_back(static_cast<char>(decimal.sign + 1));
  if (decimal.sign == 0) return;
  const size_t start = key->size();
  char exponent[8];
  StoreBigEndian(exponent, decimal.exponent);
  AppendVarint({exponent, sizeof(exponent)}, key);
  const std::string& digits = decimal.digits;
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int low = i + 1 < digits.size() ? digits[i + 1] - '0' : 0;
    key->push_back(static_cast<char>(1 + 10 * (digits[i] - '0') + low));
  }
  key->push_back(kEnd);
  if (decimal.sign < 0) Complement(key, start);
}

void AppendAscending(const Type& type, ByteView value, std::string* key);

// False if the value does not come apart: then what was appended is of no use.
bool AppendParts(const Type& type, ByteView value, std::string* key) {
  PartReader parts(type, value);
  const bool fields = type.kind == TypeKind::kTuple || type.kind == TypeKind::kUdt;
  size_t last_end = key->size();
  while (const std::optional<Part> part = parts.Next()) {
    if (part->null) {
      key->push_back(kNull);
      continue;
    }
    if (part->type == nullptr) {
      key->push_back(part->bytes.empty() ? kEmpty : kValue);
      if (!part->bytes.empty()) AppendEscaped(part->bytes, key);
    } else {
      AppendAscending(*part->type, part->bytes, key);
    }
    last_end = key->size();
  }
  if (!parts.ok()) return false;
  if (fields) key->resize(last_end);  // null fields at the end are as good as absent ones
  key->push_back(kEnd);
  return true;
}

// Of a type whose values vary in size; `value` is not empty. False if it is no value of the type.
bool AppendVarying(const Type& type, ByteView value, std::string* key) {
  switch (type.kind) {
    case TypeKind::kVarint:
      AppendVarint(value, key);
      return true;
    case TypeKind::kDecimal: {
      const std::optional<NormalDecimal> decimal = Normalize(value);
      if (decimal) AppendDecimal(*decimal, key);
      return decimal.has_value();
    }
    case TypeKind::kList:
    case TypeKind::kSet:
    case TypeKind::kMap:
    case TypeKind::kTuple:
    case TypeKind::kUdt:
    case TypeKind::kVector:
      return AppendParts(type, value, key);
    default:
      AppendEscaped(value, key);
      return true;
  }
}

// `value` has the one size that values of the type have. `flip` is xored with every byte.
void AppendFixed(const Type& type, size_t size, uint8_t flip, ByteView value, std::string* key) {
  char component[1 + kMaxExactSize];
  component[0] = kValue;
  StoreOrdered(type, value.data(), component + 1);
  for (char& byte : component) byte = static_cast<char>(byte ^ flip);
  key->append(component, 1 + size);
}

// The usual text: short, and without 00. False if it is not.
bool AppendPlainText(ByteView text, std::string* key) {
  constexpr size_t kMost = 64;
  if (text.size() > kMost || text.find('\0') != ByteView::npos) return false;
  char component[kMost + 3];
  component[0] = kValue;
  std::memcpy(component + 1, text.data(), text.size());
  component[text.size() + 1] = 0;
  component[text.size() + 2] = 0;
  key->append(component, text.size() + 3);
  return true;
}

void AppendAscending(const Type& type, ByteView value, std::string* key) {
  if (value.empty() || type.kind == TypeKind::kEmpty) {
    key->push_back(kEmpty);
    return;
  }
  const size_t size = ExactSize(type);
  if (size > 0) {
    if (value.size() != size) return AppendUnparsed(value, key);
    return AppendFixed(type, size, 0, value, key);
  }
  const size_t start = key->size();
  key->push_back(kValue);
  if (!AppendVarying(type, value, key)) {
    key->resize(start);
    AppendUnparsed(value, key);
  }
}

}  // namespace

void AppendComparable(const Type& type, bool descending, ByteView value, std::string* key) {
  // First what most keys are made of.
  const size_t size = ExactSize(type);
  if (size > 0 && value.size() == size) return AppendFixed(type, size, descending ? 0xFF : 0, value, key);
  if (type.kind == TypeKind::kText && !descending && !value.empty() && AppendPlainText(value, key)) return;

  const size_t start = key->size();
  AppendAscending(type, value, key);
  // Tags become FB to FD: above the null's, below a cut's FF.
  if (descending) Complement(key, start);
}

void StoreComparable(const Type& type, bool descending, const char* value, char* to) {
  *to = kValue;
  StoreOrdered(type, value, to + 1);
  if (!descending) return;
  const size_t size = 1 + ExactSize(type);
  for (size_t i = 0; i < size; ++i) to[i] = static_cast<char>(~to[i]);
}

void AppendComparableNull(std::string* key) {
  key->push_back(kNull);
}

Status CheckComparable(const Type& type) {
  if (type.kind == TypeKind::kCustom && type.class_name != kLexicalUuidClass) {
    return Unsupported("rows cannot be put in the order of the custom type " + type.class_name +
                       ": a table that clusters by it cannot be captured");
  }
  for (const TypePtr& arg : type.args) TRY(CheckComparable(*arg));
  return {};
}

}  // namespace braid
