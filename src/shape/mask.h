// What readers see instead of a column's values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/arena.h"
#include "base/result.h"
#include "model/schema.h"
#include "shape/hmac.h"

namespace braid::shape {

class Mask {
 public:
  enum class Kind : uint8_t { kNone, kHmac, kRedact, kTruncate };

  Mask() = default;
  // `text` is "hmac", "redact" or "truncate:N". Errors: kInvalidArgument, saying what would be right; also where the
  // mask does not go with the column. `hmac` is nullptr if the stream has no key, and must outlive the mask.
  static Result<Mask> Make(const std::string& text, const Column& column, const HmacSha256* hmac);

  Kind kind() const { return kind_; }
  // The type of what readers see.
  TypePtr VisibleType(const TypePtr& type) const;

  // What readers see instead of `bytes`, which is not null and stays alive; not for kRedact, which leaves nothing.
  ByteView Apply(ByteView bytes, Arena* arena) const;

 private:
  Kind kind_ = Kind::kNone;
  size_t characters_ = 0;
  const HmacSha256* hmac_ = nullptr;
};

}  // namespace braid::shape
