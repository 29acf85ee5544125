// The transport, as capture sees it.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "transport/message/message.h"

namespace braid {

// Takes messages for shards, each shard's in order. Used by one thread. A push never waits: whoever pushes asks first
// how much there is room for, and reads no more of its source than that, so that it stays free to guard the source.
class Outlet {
 public:
  virtual ~Outlet() = default;

  virtual uint32_t shards() const = 0;
  // Puts the message on its way to a shard, also beyond the room there is. `key`: a transaction's partition key, empty
  // of everything else; lives during the call. Errors: kTransient (closed).
  virtual Status Push(uint32_t shard, ByteView key, Message message) = 0;
  // Bytes that may be pushed now, to whichever shard.
  virtual uint64_t room_bytes() const = 0;

  Status PushToAll(const Message& message) {
    for (uint32_t shard = 0; shard < shards(); ++shard) TRY(Push(shard, {}, message));
    return {};
  }
};

}  // namespace braid
