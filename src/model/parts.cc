#include "model/parts.h"

#include "base/check.h"

namespace braid {

PartReader::PartReader(const Type& type, ByteView value) : type_(type), cursor_(value) {
  switch (type.kind) {
    case TypeKind::kList:
    case TypeKind::kSet:
    case TypeKind::kMap: {
      const int32_t count = cursor_.I32();
      if (count < 0) cursor_.Fail("a negative number of elements");
      count_ = static_cast<uint64_t>(count) * (type.kind == TypeKind::kMap ? 2 : 1);
      break;
    }
    case TypeKind::kVector:
      element_length_ = FixedLength(*type.args[0]);
      // Without this a type could claim any number of elements that no byte stands for.
      if (element_length_ == 0) cursor_.Fail("a vector of a type without bytes");
      break;
    default:
      CHECK(type.kind == TypeKind::kTuple || type.kind == TypeKind::kUdt);
  }
}

std::optional<Part> PartReader::Next() {
  if (!cursor_.ok()) return std::nullopt;
  switch (type_.kind) {
    case TypeKind::kTuple:
    case TypeKind::kUdt:
      return NextField();
    case TypeKind::kVector:
      return NextOfVector();
    default:
      return NextElement();
  }
}

std::optional<Part> PartReader::End() {
  if (!cursor_.AtEnd()) cursor_.Fail("bytes follow the last element");
  return std::nullopt;
}

std::optional<Part> PartReader::NextElement() {
  if (read_ == count_) return End();
  const int32_t length = cursor_.I32();
  if (length < 0) cursor_.Fail("a null element");
  Part part;
  part.bytes = cursor_.Bytes(length < 0 ? 0 : static_cast<uint64_t>(length));
  if (!cursor_.ok()) return std::nullopt;
  part.type = type_.args[type_.kind == TypeKind::kMap ? read_ % 2 : 0].get();
  ++read_;
  return part;
}

std::optional<Part> PartReader::NextField() {
  if (cursor_.AtEnd()) return std::nullopt;
  Part part;
  const int32_t length = cursor_.I32();
  part.null = length < 0;
  if (!part.null) part.bytes = cursor_.Bytes(static_cast<uint64_t>(length));
  if (!cursor_.ok()) return std::nullopt;
  if (read_ < type_.args.size()) part.type = type_.args[read_].get();
  ++read_;
  return part;
}

std::optional<Part> PartReader::NextOfVector() {
  if (read_ == type_.dimension) return End();
  Part part;
  part.type = type_.args[0].get();
  part.bytes = element_length_ > 0 ? cursor_.Bytes(static_cast<uint64_t>(element_length_)) : cursor_.VintBytes();
  if (!cursor_.ok()) return std::nullopt;
  ++read_;
  return part;
}

bool WellFramed(const Type& type, ByteView value) {
  PartReader parts(type, value);
  while (parts.Next()) {
  }
  return parts.ok();
}

}  // namespace braid
