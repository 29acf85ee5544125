// Types from their texts: CQL in system_schema, Java class names in SSTable headers.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/type.h"

namespace braid {

// Types within types that a text may have. Deeper ones are Unsupported.
inline constexpr int kMaxTypeDepth = 64;

// Finds a user-defined type of a keyspace by its name (as CQL stores it, unquoted). The answer is a kUdt with its
// fields; whether it is frozen does not matter, the text decides. An error ends the parse and is given back.
using UdtResolver = std::function<Result<TypePtr>(const std::string& keyspace, const std::string& name)>;

// Parses the CQL text of a type, as in system_schema.columns.type and types.field_types, e.g.
// "map<text, frozen<list<int>>>", "vector<float, 3>", "frozen<\"Address\">", "'com.example.MyType'". Everything inside
// another type is frozen, said or not. A quoted class name gives the same as ParseJavaType of it.
// Corrupt if the text is no type.
Result<TypePtr> ParseCqlType(std::string_view text, const std::string& keyspace, const UdtResolver& resolve_udt);

struct JavaType {
  TypePtr type;
  bool reversed = false;  // within ReversedType(…): a descending clustering column
};

// Parses a type as SSTables' serialization headers name it, e.g.
// "org.apache.cassandra.db.marshal.ReversedType(org.apache.cassandra.db.marshal.Int32Type)". Self-contained: user types
// carry their fields. Classes without a CQL name become kCustom with their whole text (the package spelt out) as
// class_name. Corrupt if the text does not parse. Learned from org.apache.cassandra.db.marshal.TypeParser.
Result<JavaType> ParseJavaType(std::string_view text);

// Parses the type of a whole partition key: the types of its columns, that is the arguments of a CompositeType, or the
// one type.
Result<std::vector<TypePtr>> ParseJavaKeyType(std::string_view text);

}  // namespace braid
