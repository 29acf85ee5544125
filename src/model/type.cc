#include "model/type.h"

#include <limits>
#include <utility>

#include "base/check.h"

namespace braid {
namespace {

TypePtr Make(TypeKind kind, std::vector<TypePtr> args, bool frozen, uint32_t dimension = 0) {
  auto type = std::make_shared<Type>();
  type->kind = kind;
  type->args = std::move(args);
  type->frozen = frozen;
  type->dimension = dimension;
  return type;
}

const char* CqlName(TypeKind kind) {
  switch (kind) {
    case TypeKind::kAscii:
      return "ascii";
    case TypeKind::kBigint:
      return "bigint";
    case TypeKind::kBlob:
      return "blob";
    case TypeKind::kBoolean:
      return "boolean";
    case TypeKind::kCounter:
      return "counter";
    case TypeKind::kDate:
      return "date";
    case TypeKind::kDecimal:
      return "decimal";
    case TypeKind::kDouble:
      return "double";
    case TypeKind::kDuration:
      return "duration";
    case TypeKind::kEmpty:
      return "empty";
    case TypeKind::kFloat:
      return "float";
    case TypeKind::kInet:
      return "inet";
    case TypeKind::kInt:
      return "int";
    case TypeKind::kSmallint:
      return "smallint";
    case TypeKind::kText:
      return "text";
    case TypeKind::kTime:
      return "time";
    case TypeKind::kTimestamp:
      return "timestamp";
    case TypeKind::kTimeuuid:
      return "timeuuid";
    case TypeKind::kTinyint:
      return "tinyint";
    case TypeKind::kUuid:
      return "uuid";
    case TypeKind::kVarint:
      return "varint";
    case TypeKind::kList:
      return "list";
    case TypeKind::kSet:
      return "set";
    case TypeKind::kMap:
      return "map";
    case TypeKind::kTuple:
      return "tuple";
    case TypeKind::kUdt:
      return "udt";
    case TypeKind::kVector:
      return "vector";
    case TypeKind::kCustom:
      return "custom";
  }
  return "unknown";
}

}  // namespace

TypePtr SimpleType(TypeKind kind) {
  return Make(kind, {}, false);
}
TypePtr ListOf(TypePtr element, bool frozen) {
  return Make(TypeKind::kList, {std::move(element)}, frozen);
}
TypePtr SetOf(TypePtr element, bool frozen) {
  return Make(TypeKind::kSet, {std::move(element)}, frozen);
}
TypePtr MapOf(TypePtr key, TypePtr value, bool frozen) {
  return Make(TypeKind::kMap, {std::move(key), std::move(value)}, frozen);
}
TypePtr TupleOf(std::vector<TypePtr> fields) {
  return Make(TypeKind::kTuple, std::move(fields), true);
}
TypePtr VectorOf(TypePtr element, uint32_t dimension) {
  return Make(TypeKind::kVector, {std::move(element)}, true, dimension);
}

TypePtr UdtOf(std::string keyspace, std::string name, std::vector<std::string> field_names, std::vector<TypePtr> fields,
              bool frozen) {
  CHECK(field_names.size() == fields.size());
  auto type = std::make_shared<Type>();
  type->kind = TypeKind::kUdt;
  type->frozen = frozen;
  type->keyspace = std::move(keyspace);
  type->name = std::move(name);
  type->field_names = std::move(field_names);
  for (const TypePtr& field : fields) type->args.push_back(Freeze(field));
  return type;
}

TypePtr Freeze(const TypePtr& type) {
  if (!type->multi_cell()) return type;
  auto frozen = std::make_shared<Type>(*type);
  frozen->frozen = true;
  return frozen;
}

std::string ToCql(const Type& type) {
  if (type.kind == TypeKind::kCustom) return "'" + type.class_name + "'";
  std::string text = type.kind == TypeKind::kUdt ? type.name : CqlName(type.kind);
  if (type.kind != TypeKind::kUdt && !type.args.empty()) {
    text += '<';
    for (size_t i = 0; i < type.args.size(); ++i) {
      if (i > 0) text += ", ";
      text += ToCql(*type.args[i]);
    }
    if (type.kind == TypeKind::kVector) text += ", " + std::to_string(type.dimension);
    text += '>';
  }
  const bool says_frozen = type.frozen && type.kind != TypeKind::kTuple && type.kind != TypeKind::kVector;
  return says_frozen ? "frozen<" + text + ">" : text;
}

int FixedLength(const Type& type) {
  switch (type.kind) {
    case TypeKind::kEmpty:
      return 0;
    case TypeKind::kBoolean:
      return 1;
    case TypeKind::kInt:
    case TypeKind::kFloat:
      return 4;
    case TypeKind::kBigint:
    case TypeKind::kDouble:
    case TypeKind::kTimestamp:
      return 8;
    case TypeKind::kUuid:
    case TypeKind::kTimeuuid:
      return 16;
    case TypeKind::kVector: {
      const int64_t bytes = int64_t{FixedLength(*type.args[0])} * type.dimension;
      // No value is so long as not to fit; a definition that says so must do no harm.
      return bytes < 0 || bytes > std::numeric_limits<int>::max() ? -1 : static_cast<int>(bytes);
    }
    case TypeKind::kCustom:
      return type.class_name == "org.apache.cassandra.db.marshal.LexicalUUIDType" ? 16
             : type.class_name == "org.apache.cassandra.db.marshal.DateType"      ? 8
                                                                                  : -1;
    default:
      return -1;
  }
}

const Type& PathType(const Type& column_type) {
  static const TypePtr list_path = SimpleType(TypeKind::kTimeuuid);
  static const TypePtr field_index = SimpleType(TypeKind::kSmallint);
  switch (column_type.kind) {
    case TypeKind::kList:
      return *list_path;
    case TypeKind::kUdt:
      return *field_index;
    default:
      CHECK(column_type.kind == TypeKind::kSet || column_type.kind == TypeKind::kMap);
      return *column_type.args[0];
  }
}

const Type* ElementType(const Type& column_type, ByteView path) {
  switch (column_type.kind) {
    case TypeKind::kList:
      return column_type.args[0].get();
    case TypeKind::kMap:
      return column_type.args[1].get();
    case TypeKind::kUdt: {
      if (path.size() != 2) return nullptr;
      const auto field = LoadBigEndian<uint16_t>(path.data());
      return field < column_type.args.size() ? column_type.args[field].get() : nullptr;
    }
    default:
      return nullptr;
  }
}

bool operator==(const Type& a, const Type& b) {
  if (a.kind != b.kind || a.frozen != b.frozen || a.dimension != b.dimension || a.args.size() != b.args.size() ||
      a.field_names != b.field_names || a.keyspace != b.keyspace || a.name != b.name || a.class_name != b.class_name) {
    return false;
  }
  for (size_t i = 0; i < a.args.size(); ++i) {
    if (!(*a.args[i] == *b.args[i])) return false;
  }
  return true;
}

}  // namespace braid
