// Cassandra's order of values.
#pragma once

#include "base/bytes.h"
#include "model/type.h"

namespace braid {

// Negative, 0 or positive as value `a` of `type` sorts before, with or after `b`, in the order in which Cassandra
// clusters rows and sorts the elements of sets and the keys of maps. An empty value sorts first. Values need not be
// valid: where bytes do not parse, they are compared as bytes. Learned from the compareCustom methods in
// org.apache.cassandra.db.marshal.
int CompareValues(const Type& type, ByteView a, ByteView b);

}  // namespace braid
