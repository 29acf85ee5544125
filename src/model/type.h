// The types of values. A value is its canonical bytes (CQL's native serialisation) from the decoder to the encoder; a
// Type says how to read them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace braid {

enum class TypeKind : uint8_t {
  kAscii = 1,
  kBigint = 2,
  kBlob = 3,
  kBoolean = 4,
  kCounter = 5,
  kDate = 6,     // u32: days, with 1970-01-01 at 2^31
  kDecimal = 7,  // i32 scale, then a varint
  kDouble = 8,
  kDuration = 9,  // three zigzag vints: months, days, nanoseconds
  kEmpty = 10,    // no bytes at all (compact tables' marker columns)
  kFloat = 11,
  kInet = 12,  // 4 or 16 bytes
  kInt = 13,
  kSmallint = 14,
  kText = 15,       // UTF-8
  kTime = 16,       // i64: nanoseconds of the day
  kTimestamp = 17,  // i64: milliseconds since 1970
  kTimeuuid = 18,
  kTinyint = 19,
  kUuid = 20,
  kVarint = 21,  // two's complement, big-endian, as short as can be
  kList = 22,    // args: element
  kSet = 23,     // args: element
  kMap = 24,     // args: key, value
  kTuple = 25,   // args: fields
  kUdt = 26,     // args: fields, with field_names, keyspace and name
  kVector = 27,  // args: element, with dimension
  kCustom = 28,  // class_name; its bytes are opaque
};

struct Type;
// Types are immutable and shared between the schemas that use them.
using TypePtr = std::shared_ptr<const Type>;

struct Type {
  TypeKind kind = TypeKind::kBlob;
  // A collection or UDT whose elements are not cells of their own. Inside another type everything is frozen.
  bool frozen = false;
  uint32_t dimension = 0;
  std::vector<TypePtr> args;
  std::vector<std::string> field_names;
  std::string keyspace;    // of a UDT
  std::string name;        // of a UDT
  std::string class_name;  // of a custom type: the Java class

  // True for a collection or UDT stored as one cell per element ("complex" in Cassandra's words).
  bool multi_cell() const {
    return !frozen &&
           (kind == TypeKind::kList || kind == TypeKind::kSet || kind == TypeKind::kMap || kind == TypeKind::kUdt);
  }
};

// A type without arguments.
TypePtr SimpleType(TypeKind kind);
TypePtr ListOf(TypePtr element, bool frozen);
TypePtr SetOf(TypePtr element, bool frozen);
TypePtr MapOf(TypePtr key, TypePtr value, bool frozen);
TypePtr TupleOf(std::vector<TypePtr> fields);
TypePtr VectorOf(TypePtr element, uint32_t dimension);
// `fields` are frozen by this, whatever they were.
TypePtr UdtOf(std::string keyspace, std::string name, std::vector<std::string> field_names, std::vector<TypePtr> fields,
              bool frozen);
// The same type, frozen if it is a collection or UDT (its arguments are already).
TypePtr Freeze(const TypePtr& type);

// The type's CQL text, e.g. "map<text, frozen<list<int>>>"; for messages and schema output.
std::string ToCql(const Type& type);

// Bytes that every non-empty value of the type has when Cassandra serialises it without a length, or -1 if a length is
// written. Not the same as "constant size": tinyint, smallint, date, time, counter, inet and duration give -1.
// Learned from AbstractType.valueLengthIfFixed and its overrides.
int FixedLength(const Type& type);

// The type of the path of a multi-cell column's cells: timeuuid of a list, the element of a set, the key of a map, a
// 2-byte field index of a UDT.
const Type& PathType(const Type& column_type);

// The type of the value of a multi-cell column's cell at `path`; a set's cells have none (nullptr); nullptr too for a
// UDT path beyond the fields that the type has.
const Type* ElementType(const Type& column_type, ByteView path);

bool operator==(const Type& a, const Type& b);

}  // namespace braid
