// Writes a mutation as Cassandra puts it into its commit log (docs/formats/mutation-cassandra.md, messaging version
// 12).
#pragma once

#include <string>

#include "model/mutation.h"

namespace braid::sim {

// The payload of one log entry. Ranges must not touch one another, nor hold rows of the same mutation.
std::string CassandraBytes(const Mutation& mutation);

}  // namespace braid::sim
