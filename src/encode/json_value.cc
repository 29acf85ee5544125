#include <bit>
#include <cstdint>
#include <optional>

#include "base/cursor.h"
#include "encode/json.h"
#include "encode/json_text.h"
#include "model/number.h"
#include "model/order_key.h"
#include "model/parts.h"

namespace braid {
namespace {

constexpr int64_t kMillisecondsOfDay = 86400000;

void AppendTimestamp(int64_t milliseconds, std::string* out) {
  int64_t days = milliseconds / kMillisecondsOfDay;
  int64_t of_day = milliseconds % kMillisecondsOfDay;
  if (of_day < 0) {
    of_day += kMillisecondsOfDay;
    --days;
  }
  out->push_back('"');
  AppendDate(days, out);
  out->push_back('T');
  AppendTimeOfDay(static_cast<uint64_t>(of_day), 3, out);
  out->append("Z\"");
}

// The magnitude in decimal digits or, where those would take too long, in hexadecimal after "0x".
void AppendMagnitude(ByteView varint, std::string* out) {
  if (varint.size() <= kMaxDecimalDigitsBytes) return AppendDecimalDigits(varint, out);
  out->append("0x");
  std::string bytes(varint);
  if (static_cast<int8_t>(varint[0]) < 0) {
    unsigned carry = 1;
    for (size_t i = bytes.size(); i-- > 0;) {
      carry += static_cast<uint8_t>(~bytes[i]);
      bytes[i] = static_cast<char>(carry);
      carry >>= 8;
    }
  }
  AppendHex(bytes, out);
}

void AppendVarint(ByteView varint, std::string* out) {
  out->push_back('"');
  if (static_cast<int8_t>(varint[0]) < 0) out->push_back('-');
  AppendMagnitude(TrimVarint(varint), out);
  out->push_back('"');
}

// As java.math.BigDecimal.toString: plain while the scale is not negative and the first digit stands no further right
// than six places after the point; else one digit, a point and the others, and an exponent.
void AppendDecimal(ByteView value, std::string* out) {
  const auto scale = static_cast<int64_t>(LoadBigEndian<int32_t>(value.data()));
  const ByteView unscaled = value.substr(4);
  out->push_back('"');
  if (static_cast<int8_t>(unscaled[0]) < 0) out->push_back('-');
  const size_t start = out->size();
  AppendMagnitude(TrimVarint(unscaled), out);
  if (unscaled.size() > kMaxDecimalDigitsBytes) {
    if (scale != 0) {
      out->append("*10^");
      AppendInteger(-scale, out);
    }
  } else if (const auto digits = static_cast<int64_t>(out->size() - start); scale >= 0 && digits - 1 - scale >= -6) {
    if (scale >= digits) out->insert(start, static_cast<size_t>(scale - digits + 1), '0');
    if (scale > 0) out->insert(out->size() - static_cast<size_t>(scale), 1, '.');
  } else {
    if (digits > 1) out->insert(start + 1, 1, '.');
    const int64_t exponent = digits - 1 - scale;
    if (exponent != 0) {
      out->append(exponent > 0 ? "E+" : "E");
      AppendInteger(exponent, out);
    }
  }
  out->push_back('"');
}

void AppendDuration(ByteView value, std::string* out) {
  Cursor cursor(value);
  const int64_t months = cursor.SignedVint();
  const int64_t days = cursor.SignedVint();
  const int64_t nanoseconds = cursor.SignedVint();
  if (!cursor.ok()) return AppendInvalid(value, out);
  out->append("{\"months\":");
  AppendInteger(months, out);
  out->append(",\"days\":");
  AppendInteger(days, out);
  out->append(",\"nanoseconds\":");
  AppendInteger(nanoseconds, out);
  out->push_back('}');
}

// Writes the parts of a collection, tuple or vector; false if the value does not come apart.
bool AppendParts(const Type& type, ByteView value, std::string* out) {
  const bool map = type.kind == TypeKind::kMap;
  const bool object = map && (type.args[0]->kind == TypeKind::kText || type.args[0]->kind == TypeKind::kAscii);
  out->push_back(object ? '{' : '[');
  PartReader parts(type, value);
  size_t index = 0;
  for (; const std::optional<Part> part = parts.Next(); ++index) {
    if (part->type == nullptr) return false;
    const bool is_value = map && index % 2 == 1;
    if (index > 0 && !is_value) out->push_back(',');
    if (map && !object) out->append(is_value ? ",\"value\":" : "{\"key\":");
    if (object && is_value) out->push_back(':');
    if (part->null) {
      out->append("null");
    } else {
      AppendJsonValue(*part->type, part->bytes, out);
    }
    if (map && !object && is_value) out->push_back('}');
  }
  // Fields that a tuple does not go as far as.
  if (type.kind == TypeKind::kTuple) {
    for (; index < type.args.size(); ++index) out->append(index > 0 ? ",null" : "null");
  }
  out->push_back(object ? '}' : ']');
  return parts.ok();
}

bool AppendUdt(const Type& type, ByteView value, std::string* out) {
  PartReader parts(type, value);
  out->push_back('{');
  for (size_t i = 0; i < type.args.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(type.field_names[i], out);
    out->push_back(':');
    const std::optional<Part> part = parts.Next();
    if (part && !part->null) {
      AppendJsonValue(*type.args[i], part->bytes, out);
    } else {
      out->append("null");
    }
  }
  out->push_back('}');
  return !parts.Next() && parts.ok();
}

// `value` has one of the sizes that values of the type have.
void AppendFixed(const Type& type, ByteView value, std::string* out) {
  const char* bytes = value.data();
  switch (type.kind) {
    case TypeKind::kBoolean:
      out->append(*bytes != 0 ? "true" : "false");
      return;
    case TypeKind::kTinyint:
      return AppendInteger(static_cast<int>(static_cast<int8_t>(*bytes)), out);
    case TypeKind::kSmallint:
      return AppendInteger(LoadBigEndian<int16_t>(bytes), out);
    case TypeKind::kInt:
      return AppendInteger(LoadBigEndian<int32_t>(bytes), out);
    case TypeKind::kBigint:
    case TypeKind::kCounter:
      return AppendInteger(LoadBigEndian<int64_t>(bytes), out);
    case TypeKind::kFloat:
      return AppendFloat(std::bit_cast<float>(LoadBigEndian<uint32_t>(bytes)), out);
    case TypeKind::kDouble:
      return AppendFloat(std::bit_cast<double>(LoadBigEndian<uint64_t>(bytes)), out);
    case TypeKind::kTimestamp:
      return AppendTimestamp(LoadBigEndian<int64_t>(bytes), out);
    default:
      break;
  }
  out->push_back('"');
  if (type.kind == TypeKind::kDate) {
    AppendDate(static_cast<int64_t>(LoadBigEndian<uint32_t>(bytes)) - (int64_t{1} << 31), out);
  } else if (type.kind == TypeKind::kTime) {
    AppendTimeOfDay(LoadBigEndian<uint64_t>(bytes), 9, out);
  } else {
    AppendUuid(bytes, out);
  }
  out->push_back('"');
}

// Of a type whose values vary in size; false if `value`, which is not empty, is none.
bool AppendVarying(const Type& type, ByteView value, std::string* out) {
  switch (type.kind) {
    case TypeKind::kVarint:
      AppendVarint(value, out);
      return true;
    case TypeKind::kDecimal:
      if (value.size() < 5) return false;
      AppendDecimal(value, out);
      return true;
    case TypeKind::kDuration:
      AppendDuration(value, out);
      return true;
    case TypeKind::kInet:
      if (value.size() != 4 && value.size() != 16) return false;
      out->push_back('"');
      AppendInetAddress(value, out);
      out->push_back('"');
      return true;
    case TypeKind::kUdt:
      return AppendUdt(type, value, out);
    case TypeKind::kList:
    case TypeKind::kSet:
    case TypeKind::kMap:
    case TypeKind::kTuple:
    case TypeKind::kVector:
      return AppendParts(type, value, out);
    default:
      return false;
  }
}

}  // namespace

void AppendJsonValue(const Type& type, ByteView value, std::string* out) {
  if (type.kind == TypeKind::kText || type.kind == TypeKind::kAscii) return AppendJsonString(value, out);
  if (type.kind == TypeKind::kBlob || type.kind == TypeKind::kCustom) {
    out->push_back('"');
    AppendBase64(value, out);
    out->push_back('"');
    return;
  }
  if (value.empty()) {
    out->append("null");
    return;
  }
  const size_t size = ExactSize(type);
  // A time of day past the last one is let in by Cassandra, but has no form that a reader would know.
  const bool no_time = type.kind == TypeKind::kTime && value.size() == size &&
                       LoadBigEndian<uint64_t>(value.data()) >= kNanosecondsOfDay;
  if (size > 0) return value.size() == size && !no_time ? AppendFixed(type, value, out) : AppendInvalid(value, out);
  const size_t start = out->size();
  if (!AppendVarying(type, value, out)) {
    out->resize(start);
    AppendInvalid(value, out);
  }
}

}  // namespace braid
