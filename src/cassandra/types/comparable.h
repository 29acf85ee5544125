// Row keys that sort as bytes: memcmp of two keys gives the order in which Cassandra clusters the rows, so that
// reconciliation and its stores need no types. One way only: the values themselves travel beside the key.
//
// A key is one component for each clustering column, in order. Each begins with a tag byte below 0xFF and is
// prefix-free, so keys of one table never run into one another; two keys are equal exactly if Cassandra's comparator
// says that their values are (decimal 1.0 and 1.00). The form is part of the state's form: docs/formats/types.md.
// Learned from org.apache.cassandra.db.ClusteringComparator and the compareCustom methods of db.marshal.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "model/type.h"

namespace braid {

// Appends the component of `value` of `type`. Its order is that of CompareValues (model/value_order.h), turned round
// for a descending column. Bytes that are not a value of the type sort after all that are. Never fails; allocates
// nothing but growth of `*key` (and, for decimals of more than 16 digits, their digits).
void AppendComparable(const Type& type, bool descending, ByteView value, std::string* key);

// The same for a value whose size is ExactSize(type) > 0 (model/order_key.h), straight to its place: writes that many
// bytes and one more to `to`.
void StoreComparable(const Type& type, bool descending, const char* value, char* to);

// Appends the component of a null, which sorts before all values whatever the direction.
void AppendComparableNull(std::string* key);

// Makes of the components of a bound's prefix the cut *after* all rows with that prefix. The cut before them is the
// prefix itself. A row is within a range if start cut <= key < end cut.
inline void AppendCutAfter(std::string* prefix) {
  prefix->push_back('\xFF');
}

// Unsupported if rows cannot be put in Cassandra's order by this type: a custom class that we do not know, alone or
// within another type. Ask once for each clustering column when a schema is read.
Status CheckComparable(const Type& type);

}  // namespace braid
