// The place of a partition key on the ring.
#pragma once

#include "base/bytes.h"
#include "model/position.h"

namespace braid {

// The token that Cassandra's Murmur3Partitioner gives `partition_key` (raw: as Mutation::partition_key). MurmurHash3
// x64 128 with seed 0, of which the first half is the token, with two of Cassandra's own turns: the last 1 to 15 bytes
// are sign-extended, so that other libraries differ from it for bytes of 0x80 and more there; and INT64_MIN is kept for
// the empty key, a hash of that value becomes INT64_MAX. Never fails; does not allocate.
// Learned from org.apache.cassandra.dht.Murmur3Partitioner and utils.MurmurHash.
Token Murmur3Token(ByteView partition_key);

}  // namespace braid
