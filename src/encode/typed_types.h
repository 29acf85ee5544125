// From CQL's types to the typed model. Internal to the room: its doors are encode/typed.h and the encoders'.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "encode/typed.h"
#include "model/type.h"

namespace braid {

using TypedNodePtr = std::shared_ptr<const TypedNode>;

// A name that Avro allows: other characters than ASCII letters, digits and _ become _, and one is put before a first
// digit. Never empty.
std::string LegalName(std::string_view name);

// A name of several parts with dots between, each made legal.
std::string LegalDottedName(std::string_view name);

// A type without parts.
TypedNodePtr ScalarNode(TypedKind kind, std::string name = {}, int version = 0, std::string allowed = {});
TypedNodePtr ArrayNode(TypedNodePtr item, bool item_optional);

// Appends a field to those of one struct, its Avro name unlike theirs.
void AddField(std::string_view name, TypedNodePtr node, bool optional, std::vector<TypedField>* fields);

// Makes the nodes of one table's columns. Structs of equal name are equal: the same user type gives the same node, and
// one that differs gets another name.
class TypeMapper {
 public:
  // Names begin with `prefix`, which is legal.
  TypeMapper(std::string prefix, const TypedOptions& options) : prefix_(std::move(prefix)), options_(options) {}

  // The node of a value of `type`; `path` says where it stands ("tags_item"), and names what has no name of its own.
  TypedNodePtr Map(const Type& type, const std::string& path);

 private:
  TypedNodePtr MapCollection(const Type& type, const std::string& path);
  TypedNodePtr MapEntries(const Type& type, const std::string& path);
  TypedNodePtr MapFields(const Type& type, const std::string& path);
  TypedNodePtr Struct(const std::string& name, std::vector<TypedField> fields);

  const std::string prefix_;
  const TypedOptions options_;
  std::map<std::string, TypedNodePtr> structs_;
};

}  // namespace braid
