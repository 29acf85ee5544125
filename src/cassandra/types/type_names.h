// The names of types without arguments, in CQL and in Java; what both parsers of types share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/type.h"

namespace braid {

// The package that class names are of when they name none.
inline constexpr const char kMarshalPackage[] = "org.apache.cassandra.db.marshal.";

// By the lower-case CQL name, e.g. "text" or "varchar".
std::optional<TypeKind> KindOfCqlName(std::string_view name);

// By the class name without kMarshalPackage, e.g. "UTF8Type".
std::optional<TypeKind> KindOfJavaClass(std::string_view name);

// A vector of `element` (frozen) whose dimension is given as text. Corrupt if that is no number from 1 on; Unsupported
// if a value would be too large to exist. `text` is the whole type's, for messages.
Result<TypePtr> MakeVector(TypePtr element, std::string_view dimension, std::string_view text);

// A type's text as messages show it: cut if it is very long.
std::string Shown(std::string_view text);

// The error for types nested too deeply.
Error TooDeep(std::string_view text);

}  // namespace braid
