// Where a partition key stands on the ring, as Murmur3Partitioner says.
#pragma once

#include "base/bytes.h"
#include "model/position.h"

namespace braid {

// The token of a raw partition key. Cassandra's Murmur3 is not the textbook's: it sign-extends the bytes of the last,
// incomplete block, so that other libraries differ for bytes of 0x80 and above. Learned from
// org.apache.cassandra.utils.MurmurHash.hash3_x64_128 and dht.Murmur3Partitioner.getToken.
Token Murmur3Token(ByteView partition_key);

}  // namespace braid
