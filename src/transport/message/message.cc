#include "transport/message/message.h"

namespace braid {

uint32_t ShardOf(Token token, uint32_t shards) {
  // The ring begins at the least number.
  const uint64_t place = static_cast<uint64_t>(token.value) ^ (uint64_t{1} << 63);
  return static_cast<uint32_t>(((place >> 32) * shards) >> 32);
}

}  // namespace braid
