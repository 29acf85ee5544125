// Literals of predicates, typed against a column.
#pragma once

#include <string>

#include "base/result.h"
#include "model/type.h"
#include "shape/lexer.h"

namespace braid::shape {

// Whether values of the type can be compared with literals. Others can only be asked for null: collections, tuples,
// UDTs, vectors and custom types, which have no literal here, and durations, which have no order.
bool TakesLiterals(const Type& type);

// The canonical bytes of `literal` as a value of `type`, for which TakesLiterals. kInvalidArgument says what is wrong
// with it and what would be right, without its place.
Result<std::string> LiteralValue(const Type& type, const Word& literal);

// The word as messages show it.
std::string Shown(const Word& word);

}  // namespace braid::shape
