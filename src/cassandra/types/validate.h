// Whether bytes are a value.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "model/type.h"

namespace braid {

// Corrupt, saying why, if `value` is not what Cassandra lets in as a value of `type`: lengths, UTF-8, framing of
// collections, tuples and vectors, all the way down. Empty bytes are values of most types (int, uuid, text, tuple, …),
// but not of tinyint, smallint, date, time, duration, collections and vectors. Bytes of a custom type are always good
// (of LexicalUUIDType if they are 16). Stricter than Cassandra in two places, where it stores what it can never read: a
// decimal needs at least one byte after its scale, and the number of a collection's elements is not negative. Does not
// allocate while all is well. Learned from org.apache.cassandra.serializers.
Status ValidateValue(const Type& type, ByteView value);

}  // namespace braid
