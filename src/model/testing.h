// Random types and values for the tests of this and other rooms. Only tests include it.
#pragma once

#include <random>
#include <string>

#include "base/vint.h"
#include "model/type.h"

namespace braid {

// Makes types and values from a seed. Bytes are drawn from few different ones, so that two values are often alike in
// part; about one value in `damaged_one_in` (0: none) is cut or changed, so that it may be no value of its type.
class ValueMaker {
 public:
  explicit ValueMaker(uint64_t seed, int damaged_one_in = 0) : random_(seed), damaged_one_in_(damaged_one_in) {}

  // Uniform in [0, bound).
  size_t Below(size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(random_); }
  bool OneIn(size_t n) { return Below(n) == 0; }

  // Types nested at most `depth` deep, as a clustering column may have: no counter, no duration, all frozen.
  TypePtr MakeType(int depth) {
    switch (depth == 0 ? 0 : Below(9)) {
      case 1:
        return ListOf(MakeType(depth - 1), true);
      case 2:
        return SetOf(MakeType(depth - 1), true);
      case 3: {
        const TypePtr key = MakeType(depth - 1);
        return MapOf(key, MakeType(depth - 1), true);
      }
      case 4:
        return TupleOf(MakeTypes(depth - 1));
      case 5: {
        std::vector<TypePtr> fields = MakeTypes(depth - 1);
        std::vector<std::string> names;
        for (size_t i = 0; i < fields.size(); ++i) names.push_back("f" + std::to_string(i));
        return UdtOf("ks", "udt", std::move(names), std::move(fields), true);
      }
      case 6:
        return VectorOf(MakeType(depth - 1), static_cast<uint32_t>(1 + Below(3)));
      default: {
        static constexpr TypeKind kSimple[] = {
            TypeKind::kAscii,    TypeKind::kBigint, TypeKind::kBlob,   TypeKind::kBoolean, TypeKind::kDate,
            TypeKind::kDecimal,  TypeKind::kDouble, TypeKind::kFloat,  TypeKind::kInet,    TypeKind::kInt,
            TypeKind::kSmallint, TypeKind::kText,   TypeKind::kTime,   TypeKind::kVarint,  TypeKind::kTimestamp,
            TypeKind::kTimeuuid, TypeKind::kUuid,   TypeKind::kTinyint};
        return SimpleType(kSimple[Below(std::size(kSimple))]);
      }
    }
  }

  std::string MakeValue(const Type& type) {
    if (OneIn(12) && type.kind != TypeKind::kVector) return {};
    std::string value = WholeValue(type);
    if (damaged_one_in_ > 0 && OneIn(static_cast<size_t>(damaged_one_in_))) {
      value.resize(OneIn(2) ? value.size() / 2 : value.size() + 1, '\x01');
      if (!value.empty() && OneIn(2)) value[Below(value.size())] ^= static_cast<char>(1 << Below(8));
    }
    return value;
  }

 private:
  std::vector<TypePtr> MakeTypes(int depth) {
    std::vector<TypePtr> types(1 + Below(3));
    for (TypePtr& type : types) type = MakeType(depth);
    return types;
  }

  std::string MakeBytes(size_t size) {
    static constexpr char kFew[] = {0, 1, -1, 0x7F, -0x80, 'a'};
    std::string bytes(size, '\0');
    const bool few = OneIn(2);
    for (char& byte : bytes) byte = few ? kFew[Below(sizeof(kFew))] : static_cast<char>(Below(256));
    return bytes;
  }

  void AppendPart(const std::string& part, std::string* value) {
    AppendBigEndian(value, static_cast<int32_t>(part.size()));
    value->append(part);
  }

  std::string WholeValue(const Type& type) {
    std::string value;
    switch (type.kind) {
      case TypeKind::kBoolean:
      case TypeKind::kTinyint:
        return MakeBytes(1);
      case TypeKind::kSmallint:
        return MakeBytes(2);
      case TypeKind::kInt:
      case TypeKind::kFloat:
      case TypeKind::kDate:
        return MakeBytes(4);
      case TypeKind::kBigint:
      case TypeKind::kDouble:
      case TypeKind::kTime:
      case TypeKind::kTimestamp:
        return MakeBytes(8);
      case TypeKind::kUuid:
      case TypeKind::kTimeuuid:
        value = MakeBytes(16);
        if (type.kind == TypeKind::kTimeuuid || OneIn(2)) value[6] = static_cast<char>(0x10 | (value[6] & 0x0F));
        return value;
      case TypeKind::kVarint:
        return MakeBytes(1 + Below(OneIn(8) ? 200 : 4));
      case TypeKind::kDecimal: {
        static constexpr int32_t kScales[] = {0, 1, 2, -1, 7, -30, 30, INT32_MAX, INT32_MIN};
        AppendBigEndian(&value, kScales[Below(std::size(kScales))]);
        return value + (OneIn(2) ? std::string(1, static_cast<char>(10 * Below(11))) : MakeBytes(1 + Below(12)));
      }
      case TypeKind::kInet:
        return MakeBytes(OneIn(2) ? 4 : 16);
      case TypeKind::kList:
      case TypeKind::kSet:
      case TypeKind::kMap: {
        const auto count = static_cast<int32_t>(Below(3));
        AppendBigEndian(&value, count);
        for (int32_t i = 0; i < count; ++i) {
          for (const TypePtr& part : type.args) AppendPart(MakeValue(*part), &value);
        }
        return value;
      }
      case TypeKind::kTuple:
      case TypeKind::kUdt: {
        const size_t present = Below(type.args.size() + 1);
        for (size_t i = 0; i < present; ++i) {
          if (OneIn(3)) {
            AppendBigEndian(&value, int32_t{-1});
          } else {
            AppendPart(MakeValue(*type.args[i]), &value);
          }
        }
        return value;
      }
      case TypeKind::kVector:
        for (uint32_t i = 0; i < type.dimension; ++i) {
          const std::string part =
              FixedLength(*type.args[0]) >= 0 ? WholeValue(*type.args[0]) : MakeValue(*type.args[0]);
          if (FixedLength(*type.args[0]) < 0) AppendVint(&value, part.size());
          value += part;
        }
        return value;
      default:
        return MakeBytes(Below(6));
    }
  }

  std::mt19937_64 random_;
  int damaged_one_in_;
};

}  // namespace braid
