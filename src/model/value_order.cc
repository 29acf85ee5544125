#include "model/value_order.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "model/number.h"
#include "model/order_key.h"
#include "model/parts.h"

namespace braid {
namespace {

template <typename T>
int ThreeWay(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

int CompareBytes(ByteView a, ByteView b) {
  return a.compare(b);
}

// Where not both are values of the type: those that are come first, the others by their bytes.
int CompareUnparsed(bool a_parses, bool b_parses, ByteView a, ByteView b) {
  if (a_parses != b_parses) return a_parses ? -1 : 1;
  return CompareBytes(a, b);
}

int CompareExact(const Type& type, size_t size, ByteView a, ByteView b) {
  if (a.size() != size || b.size() != size) return CompareUnparsed(a.size() == size, b.size() == size, a, b);
  char ordered_a[kMaxExactSize];
  char ordered_b[kMaxExactSize];
  StoreOrdered(type, a.data(), ordered_a);
  StoreOrdered(type, b.data(), ordered_b);
  return std::memcmp(ordered_a, ordered_b, size);
}

int CompareVarints(ByteView a, ByteView b) {
  a = TrimVarint(a);
  b = TrimVarint(b);
  const bool negative = static_cast<int8_t>(a[0]) < 0;
  if (negative != (static_cast<int8_t>(b[0]) < 0)) return negative ? -1 : 1;
  if (a.size() != b.size()) return (a.size() < b.size()) != negative ? -1 : 1;
  return CompareBytes(a, b);
}

int CompareDecimals(ByteView a, ByteView b) {
  const std::optional<NormalDecimal> x = Normalize(a);
  const std::optional<NormalDecimal> y = Normalize(b);
  if (!x || !y) return CompareUnparsed(x.has_value(), y.has_value(), a, b);
  if (x->sign != y->sign) return ThreeWay(x->sign, y->sign);
  if (x->exponent != y->exponent) return x->sign * ThreeWay(x->exponent, y->exponent);
  return x->sign * x->digits.compare(y->digits);
}

// By the first part that differs; else the value with fewer parts first.
int CompareElements(const Type& type, ByteView a, ByteView b) {
  PartReader parts_a(type, a);
  PartReader parts_b(type, b);
  while (true) {
    const std::optional<Part> x = parts_a.Next();
    const std::optional<Part> y = parts_b.Next();
    if (!x || !y) return ThreeWay(x.has_value(), y.has_value());
    const int order = CompareValues(*x->type, x->bytes, y->bytes);
    if (order != 0) return order;
  }
}

// By the first field that differs, null first. A field that is not there is as good as null.
int CompareFields(const Type& type, ByteView a, ByteView b) {
  PartReader parts_a(type, a);
  PartReader parts_b(type, b);
  const Part absent{.null = true};
  while (true) {
    const std::optional<Part> x = parts_a.Next();
    const std::optional<Part> y = parts_b.Next();
    if (!x && !y) return 0;
    const Part& field_a = x ? *x : absent;
    const Part& field_b = y ? *y : absent;
    if (field_a.null != field_b.null) return field_a.null ? -1 : 1;
    if (field_a.null) continue;
    const int order = field_a.type == nullptr ? CompareBytes(field_a.bytes, field_b.bytes)
                                              : CompareValues(*field_a.type, field_a.bytes, field_b.bytes);
    if (order != 0) return order;
  }
}

}  // namespace

int CompareValues(const Type& type, ByteView a, ByteView b) {
  if (type.kind == TypeKind::kEmpty) return 0;
  if (a.empty() || b.empty()) return ThreeWay(!a.empty(), !b.empty());
  const size_t size = ExactSize(type);
  if (size > 0) return CompareExact(type, size, a, b);
  switch (type.kind) {
    case TypeKind::kVarint:
      return CompareVarints(a, b);
    case TypeKind::kDecimal:
      return CompareDecimals(a, b);
    case TypeKind::kList:
    case TypeKind::kSet:
    case TypeKind::kMap:
    case TypeKind::kTuple:
    case TypeKind::kUdt:
    case TypeKind::kVector: {
      const bool a_parses = WellFramed(type, a);
      const bool b_parses = WellFramed(type, b);
      if (!a_parses || !b_parses) return CompareUnparsed(a_parses, b_parses, a, b);
      const bool fields = type.kind == TypeKind::kTuple || type.kind == TypeKind::kUdt;
      return fields ? CompareFields(type, a, b) : CompareElements(type, a, b);
    }
    default:
      return CompareBytes(a, b);
  }
}

}  // namespace braid
