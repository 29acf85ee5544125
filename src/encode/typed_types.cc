#include "encode/typed_types.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "encode/json.h"

namespace braid {
namespace {

bool IsLegal(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// A collection, vector, tuple or user type.
bool IsNested(TypeKind kind) {
  switch (kind) {
    case TypeKind::kList:
    case TypeKind::kSet:
    case TypeKind::kVector:
    case TypeKind::kMap:
    case TypeKind::kTuple:
    case TypeKind::kUdt:
      return true;
    default:
      return false;
  }
}

bool HasTextKeys(const Type& map) {
  return map.args[0]->kind == TypeKind::kText || map.args[0]->kind == TypeKind::kAscii;
}

// `name`, or `name` with a number after it: the first that `taken` does not say yes to.
template <typename Taken>
std::string FirstFree(const std::string& name, const Taken& taken) {
  std::string free = name;
  for (int i = 2; taken(free); ++i) free = name + "_" + std::to_string(i);
  return free;
}

TypedNodePtr MapScalar(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBoolean:
      return ScalarNode(TypedKind::kBoolean);
    case TypeKind::kTinyint:
      return ScalarNode(TypedKind::kInt8);
    case TypeKind::kSmallint:
      return ScalarNode(TypedKind::kInt16);
    case TypeKind::kInt:
      return ScalarNode(TypedKind::kInt32);
    case TypeKind::kBigint:
    case TypeKind::kCounter:
      return ScalarNode(TypedKind::kInt64);
    case TypeKind::kFloat:
      return ScalarNode(TypedKind::kFloat32);
    case TypeKind::kDouble:
      return ScalarNode(TypedKind::kFloat64);
    case TypeKind::kBlob:
    case TypeKind::kCustom:
      return ScalarNode(TypedKind::kBytes);
    case TypeKind::kDate:
      return ScalarNode(TypedKind::kInt32, "io.debezium.time.Date", 1);
    case TypeKind::kTime:
      return ScalarNode(TypedKind::kInt64, "io.debezium.time.NanoTime", 1);
    case TypeKind::kTimestamp:
      return ScalarNode(TypedKind::kString, "io.debezium.time.ZonedTimestamp", 1);
    case TypeKind::kDuration:
      return ScalarNode(TypedKind::kString, "io.debezium.time.Interval", 1);
    case TypeKind::kUuid:
    case TypeKind::kTimeuuid:
      return ScalarNode(TypedKind::kString, "io.debezium.data.Uuid", 1);
    default:
      return ScalarNode(TypedKind::kString);
  }
}

}  // namespace

std::string LegalName(std::string_view name) {
  std::string legal;
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) legal.push_back('_');
  for (const char c : name) legal.push_back(IsLegal(c) ? c : '_');
  return legal;
}

std::string LegalDottedName(std::string_view name) {
  std::string legal;
  for (size_t start = 0;;) {
    const size_t dot = name.find('.', start);
    legal += LegalName(name.substr(start, dot - start));
    if (dot == std::string_view::npos) return legal;
    legal.push_back('.');
    start = dot + 1;
  }
}

TypedNodePtr ScalarNode(TypedKind kind, std::string name, int version, std::string allowed) {
  auto node = std::make_shared<TypedNode>();
  node->kind = kind;
  node->name = std::move(name);
  node->version = version;
  node->allowed = std::move(allowed);
  return node;
}

TypedNodePtr ArrayNode(TypedNodePtr item, bool item_optional) {
  auto node = std::make_shared<TypedNode>();
  node->kind = TypedKind::kArray;
  node->item = std::move(item);
  node->item_optional = item_optional;
  return node;
}

void AddField(std::string_view name, TypedNodePtr node, bool optional, std::vector<TypedField>* fields) {
  TypedField field;
  field.name = name;
  field.avro_name = FirstFree(LegalName(name), [&](const std::string& wanted) {
    return std::ranges::any_of(*fields, [&](const TypedField& other) { return other.avro_name == wanted; });
  });
  AppendJsonString(name, &field.json_name);
  field.json_name.push_back(':');
  field.node = std::move(node);
  field.optional = optional;
  fields->push_back(std::move(field));
}

TypedNodePtr TypeMapper::Map(const Type& type, const std::string& path) {
  if (!IsNested(type.kind)) return MapScalar(type.kind);
  if (options_.nested == TypedOptions::Nested::kStructs) return MapCollection(type, path);
  return ScalarNode(TypedKind::kString, "io.debezium.data.Json", 1);
}

TypedNodePtr TypeMapper::MapCollection(const Type& type, const std::string& path) {
  if (type.kind == TypeKind::kTuple || type.kind == TypeKind::kUdt) return MapFields(type, path);
  if (type.kind != TypeKind::kMap) return ArrayNode(Map(*type.args[0], path + "_item"), true);
  if (!HasTextKeys(type)) return MapEntries(type, path);
  auto node = std::make_shared<TypedNode>();
  node->kind = TypedKind::kMap;
  node->item = Map(*type.args[1], path + "_value");
  return node;
}

TypedNodePtr TypeMapper::MapEntries(const Type& type, const std::string& path) {
  std::vector<TypedField> fields;
  AddField("key", Map(*type.args[0], path + "_key"), true, &fields);
  AddField("value", Map(*type.args[1], path + "_value"), true, &fields);
  return ArrayNode(Struct(prefix_ + ".entry." + LegalName(path), std::move(fields)), true);
}

TypedNodePtr TypeMapper::MapFields(const Type& type, const std::string& path) {
  const bool udt = type.kind == TypeKind::kUdt;
  // A user type looks the same wherever it stands.
  const std::string from = udt ? type.name : path;
  std::vector<TypedField> fields;
  for (size_t i = 0; i < type.args.size(); ++i) {
    const std::string name = udt ? type.field_names[i] : "f" + std::to_string(i);
    std::string inner = from;
    inner.append("_").append(name);
    AddField(name, Map(*type.args[i], inner), true, &fields);
  }
  return Struct(prefix_ + (udt ? ".udt." : ".tuple.") + LegalName(from), std::move(fields));
}

TypedNodePtr TypeMapper::Struct(const std::string& name, std::vector<TypedField> fields) {
  auto node = std::make_shared<TypedNode>();
  node->kind = TypedKind::kStruct;
  node->fields = std::move(fields);
  // A name is free also where it is taken by the very same struct.
  node->name = FirstFree(name, [&](const std::string& wanted) {
    const auto found = structs_.find(wanted);
    return found != structs_.end() && found->second->fields != node->fields;
  });
  return structs_.emplace(node->name, node).first->second;
}

}  // namespace braid
