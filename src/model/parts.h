// Takes a value of a collection, tuple, UDT or vector apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/cursor.h"
#include "model/type.h"

namespace braid {

// One element, key, value or field within a value.
struct Part {
  // Of what type it is; nullptr of a field beyond those that the tuple or UDT has.
  const Type* type = nullptr;
  bool null = false;  // of fields only
  ByteView bytes;
};

// Gives the parts of one non-empty value in order: a list's and set's elements, a map's keys and values by turns, the
// fields of a tuple or UDT as far as there are any, a vector's elements.
//
//   PartReader parts(type, value);
//   while (const std::optional<Part> part = parts.Next()) ...
//   if (!parts.ok()) ...   // broken off: what was given so far is not to be believed
//
// Parts point into the value; their own bytes are unchecked. Lengths are checked before use, whatever the count claims.
// Learned from org.apache.cassandra.serializers.CollectionSerializer, TupleSerializer and db.marshal.VectorType.
class PartReader {
 public:
  // `type` is a collection (frozen or not: read in its frozen form), tuple, UDT or vector, and must outlive the reader.
  PartReader(const Type& type, ByteView value);

  // The next part; nullopt after the last, or where the bytes break off.
  std::optional<Part> Next();
  // False if the bytes broke off, or went on after the last part. Ask after Next() gave nullopt.
  bool ok() const { return cursor_.ok(); }
  // Why not: a static string. Only where !ok().
  const char* reason() const { return cursor_.reason(); }

 private:
  std::optional<Part> NextElement();
  std::optional<Part> NextField();
  std::optional<Part> NextOfVector();
  std::optional<Part> End();

  const Type& type_;
  Cursor cursor_;
  uint64_t count_ = 0;  // of a collection: parts in all
  uint64_t read_ = 0;
  int element_length_ = -1;  // of a vector: as FixedLength
};

// Whether all of `value` comes apart. What the parts hold is not looked at.
bool WellFramed(const Type& type, ByteView value);

}  // namespace braid
