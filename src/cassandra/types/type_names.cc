#include "cassandra/types/type_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "cassandra/types/parse.h"

namespace braid {
namespace {

struct TypeName {
  std::string_view cql;   // empty: CQL writes another of the kind's names
  std::string_view java;  // empty: Java's is another of the kind's names
  TypeKind kind;
};

constexpr std::array kNames = {
    TypeName{"ascii", "AsciiType", TypeKind::kAscii},
    TypeName{"bigint", "LongType", TypeKind::kBigint},
    TypeName{"blob", "BytesType", TypeKind::kBlob},
    TypeName{"boolean", "BooleanType", TypeKind::kBoolean},
    TypeName{"counter", "CounterColumnType", TypeKind::kCounter},
    TypeName{"date", "SimpleDateType", TypeKind::kDate},
    TypeName{"decimal", "DecimalType", TypeKind::kDecimal},
    TypeName{"double", "DoubleType", TypeKind::kDouble},
    TypeName{"duration", "DurationType", TypeKind::kDuration},
    TypeName{"empty", "EmptyType", TypeKind::kEmpty},
    TypeName{"float", "FloatType", TypeKind::kFloat},
    TypeName{"inet", "InetAddressType", TypeKind::kInet},
    TypeName{"int", "Int32Type", TypeKind::kInt},
    TypeName{"smallint", "ShortType", TypeKind::kSmallint},
    TypeName{"text", "UTF8Type", TypeKind::kText},
    TypeName{"varchar", "", TypeKind::kText},
    TypeName{"time", "TimeType", TypeKind::kTime},
    TypeName{"timestamp", "TimestampType", TypeKind::kTimestamp},
    // CQL calls the old DateType a timestamp too. It sorts times before 1970 last; Cassandra itself warns of that.
    TypeName{"", "DateType", TypeKind::kTimestamp},
    TypeName{"timeuuid", "TimeUUIDType", TypeKind::kTimeuuid},
    TypeName{"", "LegacyTimeUUIDType", TypeKind::kTimeuuid},
    TypeName{"tinyint", "ByteType", TypeKind::kTinyint},
    TypeName{"uuid", "UUIDType", TypeKind::kUuid},
    TypeName{"varint", "IntegerType", TypeKind::kVarint},
};

}  // namespace

std::optional<TypeKind> KindOfCqlName(std::string_view name) {
  for (const TypeName& known : kNames) {
    if (!name.empty() && known.cql == name) return known.kind;
  }
  return std::nullopt;
}

std::optional<TypeKind> KindOfJavaClass(std::string_view name) {
  for (const TypeName& known : kNames) {
    if (!name.empty() && known.java == name) return known.kind;
  }
  return std::nullopt;
}

Result<TypePtr> MakeVector(TypePtr element, std::string_view dimension, std::string_view text) {
  uint32_t number = 0;
  const auto end = std::from_chars(dimension.data(), dimension.data() + dimension.size(), number);
  if (end.ec != std::errc() || end.ptr != dimension.data() + dimension.size() || number == 0) {
    return Corrupt("type " + Shown(text) + ": '" + std::string(dimension) + "' is no dimension of a vector");
  }
  const auto bytes_each = static_cast<uint64_t>(std::max(FixedLength(*element), 1));
  if (number * bytes_each > static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) {
    return Unsupported("type " + Shown(text) + ": its values would be larger than 2 GiB");
  }
  return VectorOf(std::move(element), number);
}

std::string Shown(std::string_view text) {
  constexpr size_t kMost = 300;
  return text.size() <= kMost ? std::string(text) : std::string(text.substr(0, kMost)) + "…";
}

Error TooDeep(std::string_view text) {
  return Unsupported("type " + Shown(text) + ": more than " + std::to_string(kMaxTypeDepth) +
                     " types within one another");
}

}  // namespace braid
