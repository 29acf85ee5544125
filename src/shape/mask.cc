#include "shape/mask.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "shape/names.h"

namespace braid::shape {
namespace {

constexpr std::string_view kTruncatePrefix = "truncate:";

// The first `count` characters of UTF-8.
ByteView FirstCharacters(ByteView text, size_t count) {
  size_t end = 0;
  for (size_t seen = 0; end < text.size(); ++end) {
    const bool begins = (text[end] & 0xC0) != 0x80;
    if (begins && seen++ == count) break;
  }
  return text.substr(0, end);
}

}  // namespace

Result<Mask> Mask::Make(const std::string& text, const Column& column, const HmacSha256* hmac) {
  Mask mask;
  const std::string start = fmt::format("column {} is {}: ", column.name, ToCql(*column.type));
  if (text == "hmac") {
    if (hmac == nullptr) return InvalidArgument(start + "the mask hmac needs a key; give the stream one");
    mask.kind_ = Kind::kHmac;
    mask.hmac_ = hmac;
    return mask;
  }
  if (text == "redact") {
    if (IsKey(column)) {
      return InvalidArgument(start + "a key column cannot be redacted: every row needs a key of its own; use hmac");
    }
    mask.kind_ = Kind::kRedact;
    return mask;
  }
  if (!text.starts_with(kTruncatePrefix)) {
    return InvalidArgument(fmt::format("{}there is no mask '{}'; use hmac, redact or truncate:N", start, text));
  }
  const char* const digits = text.data() + kTruncatePrefix.size();
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(digits, end, mask.characters_);
  if (error != std::errc() || stop != end || mask.characters_ == 0) {
    return InvalidArgument(
        fmt::format("{}'{}' is no mask; after truncate: comes a number of characters from 1 on", start, text));
  }
  if (column.type->kind != TypeKind::kText && column.type->kind != TypeKind::kAscii) {
    return InvalidArgument(start + "only text and ascii can be truncated; use hmac or redact");
  }
  if (IsKey(column)) {
    return InvalidArgument(start + "a key column cannot be truncated: different rows would get one key; use hmac");
  }
  mask.kind_ = Kind::kTruncate;
  return mask;
}

TypePtr Mask::VisibleType(const TypePtr& type) const {
  return kind_ == Kind::kHmac ? SimpleType(TypeKind::kText) : type;
}

ByteView Mask::Apply(ByteView bytes, Arena* arena) const {
  switch (kind_) {
    case Kind::kHmac: {
      char* const text = arena->Allocate(kHmacTextSize, 1);
      hmac_->Text(bytes, text);
      return {text, kHmacTextSize};
    }
    case Kind::kTruncate:
      return FirstCharacters(bytes, characters_);
    case Kind::kRedact:
      return {};
    case Kind::kNone:
      break;
  }
  return bytes;
}

}  // namespace braid::shape
